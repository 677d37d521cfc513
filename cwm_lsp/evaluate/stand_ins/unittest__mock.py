"""`unittest.mock`: mocks, and what patches names for a while. Of coroutines and autospecs nothing is known.

Follows the documented behaviour of CPython 3.11's `unittest.mock`. How a mock shows is not known: it does so with its
address.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

_not_known: Any = input
"""Something that is not known."""
_MISSPELT = ("assert", "assret", "asert", "aseert", "assrt", "called_", "any_call", "has_calls", "not_called")
"""Beginnings of names that are taken for assertions, in one version of Python or another."""
_NUMERIC = ["add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "lshift", "rshift", "and", "xor", "or", "pow"]
_NAMES = [
    "lt", "le", "gt", "ge", "eq", "ne", "getitem", "setitem", "delitem", "len", "contains", "iter", "hash", "str",
    "sizeof", "enter", "exit", "divmod", "rdivmod", "neg", "pos", "abs", "invert", "complex", "int", "float", "index",
    "round", "trunc", "floor", "ceil", "bool", "next", "fspath",
]  # fmt: skip
_MAGIC = [
    f"__{one}__" for one in (*_NAMES, *_NUMERIC, *[f"i{one}" for one in _NUMERIC], *[f"r{one}" for one in _NUMERIC])
]
_OTHER_MAGIC = (
    "__get__", "__set__", "__delete__", "__reversed__", "__missing__", "__reduce__", "__reduce_ex__", "__getinitargs__",
    "__getnewargs__", "__getstate__", "__setstate__", "__getformat__", "__repr__", "__dir__", "__subclasses__",
    "__format__", "__getnewargs_ex__", "__aenter__", "__aexit__", "__anext__", "__aiter__",
)  # fmt: skip
_UNSUPPORTED = (
    "__getattr__", "__setattr__", "__init__", "__new__", "__prepare__", "__instancecheck__", "__subclasscheck__",
    "__del__",
)  # fmt: skip
_RETURNED: dict[str, Any] = {
    "__lt__": NotImplemented, "__gt__": NotImplemented, "__le__": NotImplemented, "__ge__": NotImplemented,
    "__int__": 1, "__contains__": False, "__len__": 0, "__exit__": False, "__complex__": 1j, "__float__": 1.0,
    "__bool__": True, "__index__": 1,
}  # fmt: skip


def __getattr__(name: str) -> Any:
    return _not_known()


class InvalidSpecError(Exception):
    pass


class _Sentinel:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"sentinel.{self.name}"


class _Sentinels:
    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name == "__bases__":
            raise AttributeError
        return self._made.setdefault(name, _Sentinel(name))


sentinel = _Sentinels()
DEFAULT = sentinel.DEFAULT
_DELETED = sentinel.DELETED


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return "<ANY>"

    __hash__ = None  # type: ignore[assignment]


ANY = _Any()


# calls


def _shown_call(name: str, args: Any, kwargs: Any) -> str:
    return (
        f"{name}({', '.join([*[repr(one) for one in args], *[f'{key}={value!r}' for key, value in kwargs.items()]])})"
    )


class _Call(tuple[Any, ...]):
    """`call(…)`, or a call that was made: of two parts, arguments by position and by name, or of three, with a name."""

    _name: Any
    _args: Any
    _kwargs: Any
    _two: bool
    _parent: Any
    _made: bool

    def __new__(
        cls, name: str, args: Any, kwargs: Any, two: bool = False, parent: Any = None, made: bool = True
    ) -> Any:
        self: Any = tuple.__new__(cls, (args, kwargs) if two else (name, args, kwargs))
        self._name = name
        self._args = args
        self._kwargs = kwargs
        self._two = two
        self._parent = parent
        self._made = made
        return self

    @property
    def args(self) -> Any:
        return self._args

    @property
    def kwargs(self) -> Any:
        return self._kwargs

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, _Call):
            if not isinstance(other, tuple):
                return NotImplemented
            other = _call_of(other)
            if other is None:
                return False
        if self._parent is not None and other._parent is not None and not self._parent == other._parent:
            return False
        if self._name and other._name and self._name != other._name:
            return False
        if bool(self._name) != bool(other._name) and not (self._two or other._two):
            return False
        return (other._args, other._kwargs) == (self._args, self._kwargs)

    def __ne__(self, other: Any) -> Any:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _Call(self._name or "", args, kwargs, parent=self if self._name else None)

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_" or self._made:
            return _not_known()
        return _Call(f"{self._name}.{name}" if self._name else name, (), {}, parent=self, made=False)

    def __repr__(self) -> str:
        if not self._made:
            return "call" if not self._name else str(_not_known())
        name = self._name or ""
        whole = "call" if not name else f"call{name}" if name[:2] == "()" else f"call.{name}"
        return _shown_call(whole, self._args, self._kwargs)


def _call_of(value: Any) -> Any:
    """What a plain tuple says as a call; None for one that is none."""
    name, args, kwargs = "", (), {}
    if len(value) > 3:
        return None
    for part in value:
        if isinstance(part, str):
            name = part
        elif isinstance(part, tuple):
            args = part
        elif isinstance(part, dict):
            kwargs = part
        else:
            return None
    return _Call(name, args, kwargs, two=len(value) < 3 and not name)


call = _Call("", (), {}, made=False)


class _CallList(list[Any]):
    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, list):
            return any([one == value for one in self])
        return any([list(self)[at : at + len(value)] == value for at in range(len(self) - len(value) + 1)])

    def __repr__(self) -> str:
        text = repr(list(self))
        return text if len(text) < 70 else str(_not_known())


# mocks


class NonCallableMock:
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        spec = kwargs.get("spec_set", kwargs.get("spec", args[0] if args else None))
        if spec is None or isinstance(spec, list | tuple):
            return object.__new__(type(cls.__name__, (cls,), {}))
        kind = spec if isinstance(spec, type) else type(spec)
        return object.__new__(type(cls.__name__, (cls,), {"__class__": property(lambda self: kind)}))

    def __init__(
        self, spec: Any = None, wraps: Any = None, name: Any = None, spec_set: Any = None, parent: Any = None,
        _spec_state: Any = None, _new_name: Any = "", _new_parent: Any = None, _spec_as_instance: bool = False,
        _eat_self: Any = None, unsafe: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        given = spec_set if spec_set is not None else spec
        if isinstance(given, NonCallableMock):
            raise InvalidSpecError("Cannot spec a Mock object.")
        if inspect.isfunction(given) and inspect.iscoroutinefunction(given):
            _not_known()
        self.__dict__.update({
            "_mock_parent": parent, "_mock_name": name, "_mock_new_name": _new_name,
            "_mock_new_parent": parent if _new_parent is None else _new_parent, "_mock_wraps": wraps,
            "_mock_children": {}, "_mock_unsafe": unsafe, "_mock_spec": given,
            "_mock_is_spec_set": spec_set is not None,
            "_mock_has": None if given is None else _has(given),
            "_mock_return_value": DEFAULT, "_mock_side_effect": None, "called": False, "call_count": 0,
            "call_args": None, "call_args_list": _CallList(), "mock_calls": _CallList(), "method_calls": _CallList(),
        })  # fmt: skip
        if kwargs:
            self.configure_mock(**kwargs)

    def __repr__(self) -> str:
        return str(_not_known())

    def __dir__(self) -> Any:
        return _not_known()

    def configure_mock(self, **kwargs: Any) -> None:
        for path, value in sorted(kwargs.items(), key=lambda item: item[0].count(".")):
            *way, last = path.split(".")
            target: Any = self
            for name in way:
                target = getattr(target, name)
            setattr(target, last, value)

    def attach_mock(self, mock: Any, attribute: str) -> None:
        mock.__dict__.update(_mock_parent=None, _mock_new_parent=None, _mock_name="", _mock_new_name=None)
        setattr(self, attribute, mock)

    def mock_add_spec(self, spec: Any, spec_set: bool = False) -> None:
        _not_known()

    def reset_mock(self, visited: Any = None, *, return_value: bool = False, side_effect: bool = False) -> None:
        visited = [] if visited is None else visited
        if any([one is self for one in visited]):
            return
        visited.append(self)
        self.__dict__.update(
            called=False, call_args=None, call_count=0, mock_calls=_CallList(), call_args_list=_CallList(),
            method_calls=_CallList(),
        )  # fmt: skip
        if return_value:
            self.__dict__["_mock_return_value"] = DEFAULT
        if side_effect:
            self.__dict__["_mock_side_effect"] = None
        for child in list(self._mock_children.values()):
            if child is not _DELETED:
                child.reset_mock(visited, return_value=return_value, side_effect=side_effect)
        returned = self.__dict__["_mock_return_value"]
        if isinstance(returned, NonCallableMock) and returned is not self:
            returned.reset_mock(visited)

    # attributes

    @property
    def return_value(self) -> Any:
        found = self.__dict__["_mock_return_value"]
        if found is DEFAULT:
            found = self._get_child_mock(_new_parent=self, _new_name="()")
            self.__dict__["_mock_return_value"] = found
        return found

    @property
    def side_effect(self) -> Any:
        return self.__dict__["_mock_side_effect"]

    def _get_child_mock(self, **kwargs: Any) -> Any:
        kind = type(self).__mro__[1]
        if not issubclass(kind, Mock):
            kind = MagicMock if issubclass(kind, NonCallableMagicMock) else Mock
        return kind(**kwargs)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        has, is_magic = own["_mock_has"], name[:2] == name[-2:] == "__" and len(name) > 4
        listed = has is not None and has(name)
        if has is not None and (not listed or name in _MAGIC or name in _OTHER_MAGIC):
            raise AttributeError(f"Mock object has no attribute {name!r}")
        if has is None and is_magic:
            raise AttributeError(name)
        if not own["_mock_unsafe"] and not listed and name.startswith(_MISSPELT):
            if not name.startswith(_MISSPELT[:5]):
                return _not_known()
            raise AttributeError(
                f"{name!r} is not a valid assertion. Use a spec for the mock if {name!r} is meant to be an attribute."
            )
        found = own["_mock_children"].get(name)
        if found is _DELETED:
            raise AttributeError(name)
        if found is None:
            spec = own["_mock_spec"]
            if listed and not isinstance(spec, list | tuple):
                its = getattr(spec, name, None)
                if inspect.isfunction(its) and inspect.iscoroutinefunction(its):
                    return _not_known()
            wraps = None if own["_mock_wraps"] is None else getattr(own["_mock_wraps"], name)
            found = self._get_child_mock(parent=self, name=name, wraps=wraps, _new_name=name, _new_parent=self)
            own["_mock_children"][name] = found
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if name == "return_value":
            own["_mock_return_value"] = value
            _adopt(self, value, None, "()")
        elif name == "side_effect":
            own["_mock_side_effect"] = _effect(value)
        elif own["_mock_is_spec_set"] and name not in own and not own["_mock_has"](name):
            raise AttributeError(f"Mock object has no attribute '{name}'")
        elif name in _UNSUPPORTED:
            raise AttributeError(f"Attempting to set unsupported magic method {name!r}.")
        elif name in _MAGIC or name in _OTHER_MAGIC:
            if own["_mock_has"] is not None and not own["_mock_has"](name):
                raise AttributeError(f"Mock object has no attribute '{name}'")
            if isinstance(value, NonCallableMock):
                _adopt(self, value, None, name)
                setattr(type(self), name, value)
                own["_mock_children"][name] = value
            else:
                setattr(type(self), name, lambda self, *args, **kwargs: value(self, *args, **kwargs))
        elif name == "__class__":
            _not_known()
        elif name in ("called", "call_count", "call_args", "call_args_list", "mock_calls", "method_calls"):
            own[name] = value
        elif isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        else:
            if _adopt(self, value, name, name):
                own["_mock_children"][name] = value
            own[name] = value

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        if name in _MAGIC or name in _OTHER_MAGIC:
            _not_known()
        if name not in own and own["_mock_children"].get(name) is _DELETED:
            raise AttributeError(name)
        own.pop(name, None)
        own["_mock_children"][name] = _DELETED

    # assertions

    def _called(self) -> str:
        return self.__dict__["_mock_name"] or "mock"

    def _calls_repr(self, prefix: str = "Calls") -> str:
        return f"\n{prefix}: {self.mock_calls!r}." if self.mock_calls else ""

    def _is(self, made: Any, expected: Any) -> bool:
        """Whether a call is the expected one; a signature may tell more than the arguments alone."""
        same = bool(made == expected)
        spec = self.__dict__["_mock_spec"]
        if not same and spec is not None and not isinstance(spec, list | tuple):
            _not_known()
        return same

    def assert_not_called(self) -> None:
        if self.call_count != 0:
            raise AssertionError(
                f"Expected '{self._called()}' to not have been called. Called {self.call_count} times."
                f"{self._calls_repr()}"
            )

    def assert_called(self) -> None:
        if self.call_count == 0:
            raise AssertionError(f"Expected '{self._called()}' to have been called.")

    def assert_called_once(self) -> None:
        if self.call_count != 1:
            raise AssertionError(
                f"Expected '{self._called()}' to have been called once. Called {self.call_count} times."
                f"{self._calls_repr()}"
            )

    def assert_called_with(self, *args: Any, **kwargs: Any) -> None:
        if self.call_args is None:
            expected = _shown_call(self._called(), args, kwargs)
            raise AssertionError(f"expected call not found.\nExpected: {expected}\n  Actual: not called.")
        if not self._is(self.call_args, _Call("", args, kwargs, two=True)):
            expected, actual = _shown_call(self._called(), args, kwargs), _shown_call(self._called(), *self.call_args)
            raise AssertionError(f"expected call not found.\nExpected: {expected}\n  Actual: {actual}")

    def assert_called_once_with(self, *args: Any, **kwargs: Any) -> None:
        if self.call_count != 1:
            raise AssertionError(
                f"Expected '{self._called()}' to be called once. Called {self.call_count} times.{self._calls_repr()}"
            )
        self.assert_called_with(*args, **kwargs)

    def assert_any_call(self, *args: Any, **kwargs: Any) -> None:
        expected = _Call("", args, kwargs, two=True)
        if not any([made == expected for made in self.call_args_list]):
            if self.call_args_list:
                self._is(self.call_args_list[0], expected)
            raise AssertionError(f"{_shown_call(self._called(), args, kwargs)} call not found")

    def assert_has_calls(self, calls: Any, any_order: bool = False) -> None:
        if self.__dict__["_mock_spec"] is not None:
            _not_known()
        expected = list(calls)
        if not any_order:
            if expected not in self.mock_calls:
                raise AssertionError(f"Calls not found.\nExpected: {_CallList(expected)!r}{self._calls_repr('Actual')}")
            return
        left = list(self.mock_calls)
        missing = []
        for one in expected:
            if one in left:
                left.remove(one)
            else:
                missing.append(one)
        if missing:
            raise AssertionError(f"{self._called()!r} does not contain all of {tuple(missing)!r} in its call list")


def _has(spec: Any) -> Any:
    """What says whether a specification has an attribute."""
    if isinstance(spec, list | tuple):
        return lambda name: name in spec
    kind = spec if isinstance(spec, type) else type(spec)
    places = [vars(base) for base in kind.__mro__ if base is not object]
    if not isinstance(spec, type) and hasattr(spec, "__dict__"):
        places.append(vars(spec))
    if any(["__getattr__" in place or "__dir__" in place or "__slots__" in place for place in places]):
        _not_known()
    return lambda name: hasattr(object, name) or any([name in place for place in places])


def _effect(value: Any) -> Any:
    if value is None or callable(value) or isinstance(value, BaseException | type):
        return value
    try:
        return iter(value)
    except TypeError:
        return value


def _adopt(parent: Any, value: Any, name: Any, new_name: Any) -> bool:
    """Have a mock that is nobody's yet tell another one of its calls."""
    if not isinstance(value, NonCallableMock):
        if inspect.isfunction(value) and hasattr(value, "mock"):
            _not_known()
        return False
    own: Any = value.__dict__
    if (
        own["_mock_name"]
        or own["_mock_new_name"]
        or own["_mock_parent"] is not None
        or own["_mock_new_parent"] is not None
    ):
        return False
    above = parent
    while above is not None:
        if above is value:
            return False
        above = above.__dict__["_mock_new_parent"]
    if new_name:
        own["_mock_new_parent"], own["_mock_new_name"] = parent, new_name
    if name:
        own["_mock_parent"], own["_mock_name"] = parent, name
    return True


class Mock(NonCallableMock):
    def __init__(
        self, spec: Any = None, side_effect: Any = None, return_value: Any = DEFAULT, wraps: Any = None,
        name: Any = None, spec_set: Any = None, parent: Any = None,
        _spec_state: Any = None, _new_name: Any = "", _new_parent: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(spec, wraps, name, spec_set, parent, _new_name=_new_name, _new_parent=_new_parent, **kwargs)
        if return_value is not DEFAULT:
            setattr(self, "return_value", return_value)  # noqa: B010  a property of the class
        if side_effect is not None:
            setattr(self, "side_effect", side_effect)  # noqa: B010

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        spec = self.__dict__["_mock_spec"]
        if callable(spec):
            inspect.signature(spec).bind(*args, **kwargs)
        self._noted(args, kwargs)
        own, result = self.__dict__, DEFAULT
        effect = own["_mock_side_effect"]
        if effect is not None:
            if isinstance(effect, BaseException) or (isinstance(effect, type) and issubclass(effect, BaseException)):
                raise effect
            if not callable(effect):
                result = next(effect)
                if isinstance(result, BaseException) or (
                    isinstance(result, type) and issubclass(result, BaseException)
                ):
                    raise result
                return self.return_value if result is DEFAULT else result
            result = effect(*args, **kwargs)
            if result is not DEFAULT:
                return result
        if own["_mock_return_value"] is DEFAULT and own["_mock_wraps"] is not None:
            return own["_mock_wraps"](*args, **kwargs)
        return self.return_value

    def _noted(self, args: Any, kwargs: Any) -> None:
        own = self.__dict__
        own["called"] = True
        own["call_count"] += 1
        own["call_args"] = made = _Call("", args, kwargs, two=True)
        own["call_args_list"].append(made)
        own["mock_calls"].append(_Call("", args, kwargs))
        is_method, method, name = own["_mock_parent"] is not None, own["_mock_name"], own["_mock_new_name"]
        above, is_call = own["_mock_new_parent"], own["_mock_new_name"] == "()"
        while above is not None:
            its = above.__dict__
            if is_method:
                its["method_calls"].append(_Call(method, args, kwargs))
                is_method = its["_mock_parent"] is not None
                if is_method:
                    method = f"{its['_mock_name']}.{method}"
            its["mock_calls"].append(_Call(name, args, kwargs))
            if its["_mock_new_name"]:
                name = f"{its['_mock_new_name']}{'' if is_call else '.'}{name}"
                is_call = its["_mock_new_name"] == "()"
            above = its["_mock_new_parent"]


class _Magic:
    """A special method of a `MagicMock`, made when it is first used."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, mock: Any, kind: Any = None) -> Any:
        if mock is None:
            return self
        name, has = self.name, mock.__dict__["_mock_has"]
        if has is not None and not has(name):
            return _not_known()
        made = mock._get_child_mock(name=name, _new_name=name, _new_parent=mock)
        if name in _RETURNED:
            made.return_value = _RETURNED[name]
        elif name == "__iter__":
            made.side_effect = lambda: iter([]) if _returned(made) is DEFAULT else iter(_returned(made))
        elif name in ("__eq__", "__ne__"):
            is_same = name == "__eq__"
            made.side_effect = lambda other: (
                _returned(made) if _returned(made) is not DEFAULT else is_same if mock is other else NotImplemented
            )
        elif name in ("__hash__", "__str__", "__sizeof__", "__fspath__"):
            made.side_effect = lambda: _not_known()
        setattr(mock, name, made)
        return made


def _returned(mock: Any) -> Any:
    return mock.__dict__["_mock_return_value"]


_MagicMixin: Any = type("_MagicMixin", (NonCallableMock,), {name: _Magic(name) for name in _MAGIC})


class NonCallableMagicMock(_MagicMixin):  # type: ignore[misc]
    pass


class MagicMock(_MagicMixin, Mock):  # type: ignore[misc]
    pass


class PropertyMock(Mock):
    def _get_child_mock(self, **kwargs: Any) -> Any:
        return MagicMock(**kwargs)

    def __get__(self, mock: Any, kind: Any = None) -> Any:
        return self()

    def __set__(self, mock: Any, value: Any) -> None:
        self(value)


# patches


def _named(path: str) -> Any:
    """The object of a dotted name."""
    parts = path.split(".")
    target, name = importlib.import_module(parts[0]), parts[0]
    for part in parts[1:]:
        name = f"{name}.{part}"
        if not hasattr(target, part):
            importlib.import_module(name)
        target = getattr(target, part)
    return target


class _Patch:
    def __init__(self, getter: Any, attribute: str, new: Any, options: Any, kwargs: Any) -> None:
        if options["new_callable"] is not None and new is not DEFAULT:
            raise ValueError("Cannot use 'new' and 'new_callable' together")
        if options["autospec"] or any([name in kwargs for name in ("autospect", "auto_spec", "set_spec")]):
            _not_known()
        self.getter = getter
        self.attribute = attribute
        self.new = new
        self.gives = new is DEFAULT
        """A decorated function gets what it makes."""
        self.options = options
        self.kwargs = kwargs

    def __call__(self, function: Any) -> Any:
        if isinstance(function, type):
            for name in list(vars(function)):
                if name.startswith("test") and callable(getattr(function, name)):
                    again = _Patch(self.getter, self.attribute, self.new, self.options, self.kwargs)
                    setattr(function, name, again(getattr(function, name)))
            if any([name.startswith("test") for base in function.__mro__[1:] for name in vars(base)]):
                _not_known()
            return function
        if inspect.iscoroutinefunction(function):
            return _not_known()
        if hasattr(function, "patchings"):
            function.patchings.append(self)
            return function

        @functools.wraps(function)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return _within(decorated.patchings, function, args, kwargs)

        decorated: Any = patched
        decorated.patchings = [self]
        return decorated

    def __enter__(self) -> Any:
        options, kwargs, new = self.options, dict(self.kwargs), self.new
        self.target = self.getter()
        if inspect.ismodule(self.target):
            self.is_local = hasattr(self.target, self.attribute)
            self.original = getattr(self.target, self.attribute, DEFAULT)
        else:
            own = vars(self.target) if hasattr(self.target, "__dict__") else {}
            self.is_local = self.attribute in own
            self.original = own[self.attribute] if self.is_local else getattr(self.target, self.attribute, DEFAULT)
        if self.original is DEFAULT and not options["create"]:
            raise AttributeError(f"{self.target} does not have the attribute {self.attribute!r}")
        if new is DEFAULT:
            new = self._made(options, kwargs)
        elif kwargs:
            raise TypeError("Can't pass kwargs to a mock we aren't creating")
        setattr(self.target, self.attribute, new)
        return new

    def _made(self, options: Any, kwargs: Any) -> Any:
        original = self.original
        if inspect.isfunction(original) and inspect.iscoroutinefunction(original):
            return _not_known()
        for name in ("spec", "spec_set"):
            if options[name]:
                kwargs[name] = original if options[name] is True else options[name]
        spec = kwargs.get("spec", kwargs.get("spec_set"))
        kind: Any = options["new_callable"] or MagicMock
        if spec is not None and (isinstance(original, type) or not callable(spec)):
            return _not_known()
        if isinstance(kind, type) and issubclass(kind, NonCallableMock):
            kwargs = {"name": self.attribute, **kwargs}
        return kind(**kwargs)

    def __exit__(self, *_: Any) -> None:
        if self.is_local:
            setattr(self.target, self.attribute, self.original)
            return
        delattr(self.target, self.attribute)
        if not self.options["create"] and not hasattr(self.target, self.attribute):
            setattr(self.target, self.attribute, self.original)

    def start(self) -> Any:
        result = self.__enter__()
        _active.append(self)
        return result

    def stop(self) -> None:
        if any([one is self for one in _active]):
            _active.remove(self)
            self.__exit__(None, None, None)


def _within(patchings: Any, function: Any, args: Any, kwargs: Any) -> Any:
    if not patchings:
        return function(*args, **kwargs)
    with patchings[0] as new:
        more = (new,) if patchings[0].gives else ()
        return _within(patchings[1:], function, (*args, *more), kwargs)


_active: list[Any] = []


class _PatchedDict:
    def __init__(self, in_dict: Any, values: Any = (), clear: bool = False, **kwargs: Any) -> None:
        self.in_dict = in_dict
        self.values = {**dict(values), **kwargs}
        self.clear = clear

    def __call__(self, function: Any) -> Any:
        if isinstance(function, type) or inspect.iscoroutinefunction(function):
            return _not_known()

        @functools.wraps(function)
        def patched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return patched

    def __enter__(self) -> Any:
        if isinstance(self.in_dict, str):
            self.in_dict = _named(self.in_dict)
        self.original = self.in_dict.copy()
        if self.clear:
            self.in_dict.clear()
        self.in_dict.update(self.values)
        return self.in_dict

    def __exit__(self, *_: Any) -> None:
        self.in_dict.clear()
        self.in_dict.update(self.original)

    def start(self) -> Any:
        result = self.__enter__()
        _active.append(self)
        return result

    def stop(self) -> None:
        if any([one is self for one in _active]):
            _active.remove(self)
            self.__exit__(None, None, None)


def _options(spec: Any, create: bool, spec_set: Any, autospec: Any, new_callable: Any) -> Any:
    return {"spec": spec, "create": create, "spec_set": spec_set, "autospec": autospec, "new_callable": new_callable}


def patch(
    target: Any, new: Any = DEFAULT, spec: Any = None, create: bool = False, spec_set: Any = None, autospec: Any = None,
    new_callable: Any = None, *, unsafe: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    if not isinstance(target, str) or "." not in target:
        raise TypeError(f"Need a valid target to patch. You supplied: {target!r}")
    path, attribute = target.rsplit(".", 1)
    return _Patch(
        lambda: _named(path), attribute, new, _options(spec, create, spec_set, autospec, new_callable), kwargs
    )


def _patch_object(
    target: Any, attribute: str, new: Any = DEFAULT, spec: Any = None, create: bool = False, spec_set: Any = None,
    autospec: Any = None, new_callable: Any = None, *, unsafe: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    if isinstance(target, str):
        raise TypeError(f"{target!r} must be the actual object to be patched, not a str")
    return _Patch(lambda: target, attribute, new, _options(spec, create, spec_set, autospec, new_callable), kwargs)


def _several(*_: Any, **__: Any) -> Any:
    return _not_known()


def _stop_all() -> None:
    for one in reversed(list(_active)):
        one.stop()


patch.object = _patch_object  # type: ignore[attr-defined]
patch.dict = _PatchedDict  # type: ignore[attr-defined]
patch.multiple = _several  # type: ignore[attr-defined]
patch.stopall = _stop_all  # type: ignore[attr-defined]
patch.TEST_PREFIX = "test"  # type: ignore[attr-defined]
