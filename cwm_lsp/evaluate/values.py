"""What the interpreter has besides Python's own values: unknowns, cells, functions of the file.

Known values are real objects of builtin types. Classes of the file become real classes too, with `Function` objects
for methods, so that CPython itself does attribute lookup, inheritance and the dispatch of special methods; whenever it
calls a method, `Function.__call__` brings the control back to the interpreter.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from cwm_lsp.evaluate.code import Code


class Undetermined(BaseException):
    """An operation touched something unknown. Not an `Exception`, so that no library swallows it."""

    def __init__(self, suggestion: str | None = None) -> None:
        super().__init__(suggestion)
        self.suggestion = suggestion


class GaveUp(BaseException):
    """The evaluation ends here: a limit, or something that is not interpreted. The message says what."""


class Overdue(GaveUp):
    """Raised in the interpreting thread from without, where library code takes too long."""

    def __str__(self) -> str:
        return "the call takes too long to evaluate"


class Left(GaveUp):
    """The traced call has been left: whatever the program does after that is not of the trace."""

    def __init__(self, value: str | None, error: BaseException | None) -> None:
        super().__init__("the call is over")
        self.value = value
        """What it returned shows as; None where it raised `error`."""
        self.error = error


class Abandoned(GaveUp, GeneratorExit):
    """A generator is cleaned up out of the program's sight, without running what is left of it."""


INTERNAL = (Undetermined, GaveUp)


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


def undetermined(*_: Any, **__: Any) -> NoReturn:
    raise Undetermined


class Unknown:
    """A value that cannot be known. Whatever looks inside it raises `Undetermined`."""

    __slots__ = ("text", "value")

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        """What it shows as, once the model has said so."""
        self.value: Any = MISSING
        """What it turned out to be, once the model has given a literal."""

    def __repr__(self) -> str:
        if self.value is not MISSING:
            return repr(self.value)
        if self.text is not None:
            return self.text
        raise Undetermined

    def __getattr__(self, name: str) -> NoReturn:
        raise Undetermined


_NUMERIC = "add sub mul truediv floordiv mod divmod pow lshift rshift and or xor matmul"
for _name in (
    "eq ne lt le gt ge hash bool len iter next reversed getitem setitem delitem contains call index int float complex "
    "round trunc floor ceil neg pos abs invert enter exit str format bytes fspath copy deepcopy reduce_ex reduce "
    "length_hint instancecheck subclasscheck setattr await aiter anext aenter aexit "
    + " ".join(prefix + name for prefix in ("", "r", "i") for name in _NUMERIC.split())
).split():
    if _name != "setattr":
        setattr(Unknown, f"__{_name}__", undetermined)


class Function:
    """A function of the user's file: its code, defaults and closure. Calling it interprets it."""

    __slots__ = (
        "__weakref__", "annotations", "attributes", "call", "cells", "code", "defaults", "keyword_defaults", "owner",
    )  # fmt: skip

    def __init__(
        self,
        code: Code,
        call: Callable[[Function, tuple[Any, ...], dict[str, Any]], Any],
        defaults: tuple[Any, ...] = (),
        keyword_defaults: dict[str, Any] | None = None,
        cells: dict[str, Cell] | None = None,
    ) -> None:
        self.code = code
        self.call = call
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults or {}
        self.cells = cells or {}
        self.attributes: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(self, args, kwargs)

    def __deepcopy__(self, memo: Any) -> Function:
        return self

    def __copy__(self) -> Function:
        return self

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<function {self.__getattr__('__qualname__')}>"

    def __getattr__(self, name: str) -> Any:
        if name in self.attributes:
            return self.attributes[name]
        if name == "__name__":
            return self.code.name
        if name == "__qualname__":
            return self.code.qualname
        raise AttributeError(f"'function' object has no attribute '{name}'")


class Guarded:
    """A builtin that library code calls back, held within the bounds of the interpreter."""

    __slots__ = ("call", "function")
    __reduce_ex__ = undetermined

    def __init__(self, function: Any, call: Callable[..., Any]) -> None:
        self.function = function
        self.call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(self.function, args, kwargs)

    def __repr__(self) -> str:
        return repr(self.function)


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
            raise GaveUp("an iterator goes on for too long")
        self.tick()
        return next(self.iterator)

    def __repr__(self) -> str:
        return repr(self.iterator)
