"""What the interpreter has besides Python's own values: unknowns, cells, guards around builtins."""

from __future__ import annotations

from types import CellType, GetSetDescriptorType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Undetermined(BaseException):
    """An operation touched something unknown. Not an `Exception`, so that no library swallows it."""

    def __init__(self, suggestion: str | None = None) -> None:
        super().__init__(suggestion)
        self.suggestion = suggestion


class Addressed(Undetermined):
    """An operation went well, and made a text with an address in it: nothing but the text is not known."""


class GaveUp(BaseException):
    """The evaluation ends here: a limit, or something that is not interpreted. The message says what."""


class NotImported(GaveUp):
    """The file itself fails, by an exception that is certain, or goes on and on: no function of it is ever called."""


class TooMuch(GaveUp):
    """What an operation would make, or go through, is beyond the bound of one evaluation."""

    unbounded = False
    """It was in a loop that may never end."""


class GoesOn(TooMuch):
    """An iterator that may never end."""

    unbounded = True


class Exhausted(GaveUp):
    """What an evaluation may take of time or memory has run out."""


class Overdue(Exhausted):
    """Raised in the interpreting thread from without, where library code takes too long."""

    def __str__(self) -> str:
        return "the call takes too long to evaluate"


class Left(GaveUp):
    """The traced call has been left: whatever the program does after that is not of the trace."""

    def __init__(self, value: str | None, error: BaseException | None) -> None:
        super().__init__("the call is over")
        self.value = value
        """What it returned shows as; None where that is not known, or where it raised `error`."""
        self.error = error


class Abandoned(GaveUp, GeneratorExit):
    """A generator is cleaned up out of the program's sight, without running what is left of it."""


INTERNAL = (Undetermined, GaveUp)


def too_much(error: BaseException) -> GaveUp:
    """What becomes of a RecursionError or MemoryError: a run has its own limits, not those of the interpreter."""
    if is_a(error, MemoryError):
        return Exhausted("the call takes more memory than there is for its evaluation")
    return GaveUp("the call nests too deeply")


def is_a(value: Any, kinds: Any) -> bool:
    """`isinstance` by the real type: an object of the file may give another `__class__`, and run code for it."""
    return issubclass(type(value), kinds)


mro_of: Any = type.__dict__["__mro__"].__get__
"""The classes that a class looks its attributes up in; no hook of its metaclass is asked."""
names_of: Any = type.__dict__["__dict__"].__get__
"""What a class itself holds; no hook of its metaclass is asked."""


def held_by(value: Any) -> Mapping[str, Any] | None:
    """What is in the `__dict__` of an object or a class, None where it has none; no property of that name is asked."""
    if issubclass(type(value), type):
        return cast("Mapping[str, Any]", names_of(value))
    for base in mro_of(type(value)):
        found = names_of(base).get("__dict__")
        if type(found) in (GetSetDescriptorType, MemberDescriptorType):
            return cast("Mapping[str, Any]", found.__get__(value))
    return None


arguments_of = vars(BaseException)["args"].__get__
"""`args` of an exception, without a hook of its class."""


def defines(kind: Any, name: str) -> bool:
    """Whether a class has a special method; no hook of its metaclass is asked."""
    return any(name in names_of(base) for base in mro_of(kind))


class Missing:
    """The type of `MISSING`: no value here."""

    def __repr__(self) -> str:
        return "<missing>"


MISSING: Any = Missing()


class Cell:
    """A variable shared by nested scopes."""

    __slots__ = ("value",)

    def __init__(self, value: Any = MISSING) -> None:
        self.value = value


class ClassCell:
    """The `__class__` of a class's methods: a real cell, which `type.__new__` fills as soon as there is a class."""

    __slots__ = ("cell",)

    def __init__(self) -> None:
        self.cell = CellType()

    @property
    def value(self) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:
            return MISSING


def undetermined(*_: Any, **__: Any) -> NoReturn:
    raise Undetermined


NO_FIELDS: Mapping[str, Any] = {}


class Unknown:
    """A value that cannot be known. Whatever looks inside it raises `Undetermined`."""

    __slots__ = ("askable", "decorated", "fields", "hashed", "is_true", "leads_to", "since", "text", "value")

    def __init__(self, text: str | None = None, *, askable: bool = False) -> None:
        self.askable = askable
        """It came of an operation of the traced call, so that a model may say what it is. All else stays unknown."""
        self.text = text
        """What it shows as, once the model has said so."""
        self.decorated = False
        """It was made of a function or a class: if it is found in a class, looking it up may run code."""
        self.value: Any = MISSING
        """What it turned out to be, once the model has given a literal."""
        self.fields: Mapping[str, Any] = NO_FIELDS
        """Attributes that the text tells, for as long as nothing may have changed them."""
        self.leads_to: Callable[[], Any] | None = None
        """Of a weak reference: gives its object, or None."""
        self.since: int | None = None
        """`Machine.outside` when a run told them; None: the repr does."""
        self.is_true = False
        """It is true, whatever it holds."""
        self.hashed: int | None = None
        """Of the hash of a value, which differs from run to run: what it is here. It says which values are equal to
        each other when it is returned by a `__hash__`, and no more."""

    @property
    def is_object(self) -> bool:
        """Whether it is known to be an object that no literal stands for: not None, for one."""
        return self.value is MISSING and self.text is not None and not self.text.endswith("...")

    def __repr__(self) -> str:
        if self.value is not MISSING:
            return repr(self.value)
        if self.text is not None:
            return self.text
        raise Undetermined

    def __getattr__(self, name: str) -> NoReturn:
        raise Undetermined


class Memo(dict[Any, Any]):
    """What `copy.deepcopy` keeps by the addresses of objects: only the library can look into it."""

    __len__ = __iter__ = __contains__ = __eq__ = __bool__ = keys = values = items = undetermined
    __hash__ = None

    def __repr__(self) -> str:
        if dict.__len__(self):
            raise Undetermined
        return "{}"

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(-id(value) if type(key) is Unknown else key, value)


Memo.__name__, Memo.__qualname__, Memo.__module__ = "dict", "dict", "builtins"
_NUMERIC = "add sub mul truediv floordiv mod divmod pow lshift rshift and or xor matmul"
for _name in (
    "eq ne lt le gt ge hash bool len iter next reversed getitem setitem delitem contains call index int float complex "
    "round trunc floor ceil neg pos abs invert enter exit str format bytes fspath copy deepcopy reduce_ex reduce "
    "length_hint instancecheck subclasscheck setattr await aiter anext aenter aexit "
    + " ".join(prefix + name for prefix in ("", "r", "i") for name in _NUMERIC.split())
).split():
    if _name != "setattr":
        setattr(Unknown, f"__{_name}__", undetermined)


class Guarded:
    """A builtin that library code calls back, held within the bounds of the interpreter."""

    __slots__ = ("call", "function")
    __reduce_ex__ = undetermined

    def __init__(self, function: Any, call: Callable[..., Any]) -> None:
        self.function = function
        self.call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(self.function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__") or not hasattr(self.function, name):
            return getattr(self.function, name)
        raise AttributeError(name)

    def __repr__(self) -> str:
        return repr(self.function)

    def __eq__(self, other: object) -> bool:
        return bool(self.function == unguarded(other))

    def __hash__(self) -> int:
        return hash(self.function)


class GuardedMethod(Guarded):
    """One that becomes a method where it is found in a class."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)


NAMES = (type(len), type(str.upper), type(dict.__dict__["fromkeys"]), type(int.__add__), type(lambda: 0))
GUARDS = {
    kind: type(kind.__name__, (Guarded if kind is type(len) else GuardedMethod,), {"__slots__": ()}) for kind in NAMES
}
"""The guard for each type of builtin, with the name that a message says."""


def guarded(function: Any, call: Callable[..., Any]) -> Guarded:
    """`function`, called by way of `call`."""
    made: Guarded = GUARDS.get(type(function), Guarded)(function, call)
    return made


def unguarded(value: Any) -> Any:
    """What the program has as that value."""
    return value.function if is_a(value, Guarded) else value


class Ticker:
    """An iterator that may never end, with a bound on how much one evaluation draws from it."""

    __slots__ = ("iterator", "left", "tick")
    __reduce_ex__ = undetermined

    def __init__(self, iterator: Any, tick: Callable[[], None], left: int) -> None:
        self.iterator = iterator
        self.tick = tick
        self.left = left

    def __iter__(self) -> Ticker:
        return self

    def __next__(self) -> Any:
        self.left -= 1
        if self.left < 0:
            raise GoesOn("an iterator goes on for too long")
        self.tick()
        return next(self.iterator)

    def __repr__(self) -> str:
        return repr(self.iterator)
