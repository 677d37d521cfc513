"""`pytest`, as tests use it: marks, fixtures, `raises`, `approx`, `warns`, `MonkeyPatch`. The rest is not known."""

from __future__ import annotations

import re
import warnings
from typing import Any

from _cwm_approx import approx  # noqa: F401  a test's
from _cwm_given import CaptureFixture, FixtureRequest, MonkeyPatch, Node  # noqa: F401

_not_known: Any = input
"""Something that is not known."""
__version__: Any = _not_known
worded: Any = False
"""Whether failures are worded as well as can be, for a verdict: pytest's own words differ from version to version."""


def __getattr__(name: str) -> Any:
    return _not_known()


def _words(text: str) -> str:
    return text if worded else str(_not_known())


class _Opaque:
    def __repr__(self) -> str:
        return str(_not_known())


# outcomes


class _Outcome(BaseException):
    def __init__(self, msg: Any = None, pytrace: bool = True) -> None:
        super().__init__(msg)
        self.msg = msg

    def __repr__(self) -> str:
        return f"<{type(self).__name__} instance>" if self.msg is None else str(self.msg)

    __str__ = __repr__


class Failed(_Outcome):
    __module__ = "builtins"


class Skipped(_Outcome):
    __module__ = "builtins"


class XFailed(Failed):
    pass


def fail(reason: str = "", pytrace: bool = True) -> None:
    raise Failed(reason)


def skip(reason: str = "", *, allow_module_level: bool = False) -> None:
    raise Skipped(reason)


def xfail(reason: str = "") -> None:
    raise XFailed(reason)


fail.Exception = Failed  # type: ignore[attr-defined]
skip.Exception = Skipped  # type: ignore[attr-defined]
xfail.Exception = XFailed  # type: ignore[attr-defined]


def importorskip(modname: str, minversion: Any = None, reason: Any = None, *, exc_type: Any = None) -> Any:
    if minversion is not None:
        return _not_known()
    import importlib

    try:
        module = importlib.import_module(modname)
    except ImportError:
        raise Skipped(_words(f"could not import {modname!r}")) from None
    parts = modname.split(".")
    return module if len(parts) == 1 else importlib.import_module(modname)


# marks


class Mark(_Opaque):
    def __init__(self, name: str, args: Any, kwargs: Any) -> None:
        self.name = name
        self.args = args
        self.kwargs = kwargs


class MarkDecorator(_Opaque):
    def __init__(self, mark: Mark) -> None:
        self.mark = mark

    @property
    def name(self) -> str:
        return self.mark.name

    @property
    def args(self) -> Any:
        return self.mark.args

    @property
    def kwargs(self) -> Any:
        return self.mark.kwargs

    def with_args(self, *args: Any, **kwargs: Any) -> MarkDecorator:
        old = self.mark
        return MarkDecorator(Mark(old.name, (*old.args, *args), {**old.kwargs, **kwargs}))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], MarkDecorator):
            target = args[0]
            if isinstance(target, type) or getattr(target, "__name__", "") != "<lambda>":
                _store(target, self.mark)
                return target
        return self.with_args(*args, **kwargs)


def _store(target: Any, mark: Mark) -> None:
    if isinstance(target, FixtureDef):
        _not_known()
    own = vars(target).get("pytestmark", [])
    target.pytestmark = [*(own if isinstance(own, list) else [own]), mark]


class MarkGenerator(_Opaque):
    def __getattr__(self, name: str) -> MarkDecorator:
        if name[0] == "_":
            raise AttributeError("Marker name must NOT start with underscore")
        return MarkDecorator(Mark(name, (), {}))


mark = MarkGenerator()
HIDDEN_PARAM: Any = _not_known


class ParameterSet(_Opaque):
    def __init__(self, values: Any, marks: Any, id: Any) -> None:
        self.values = values
        self.marks = marks
        self.id = id


def param(*values: Any, marks: Any = (), id: Any = None) -> ParameterSet:
    if isinstance(marks, MarkDecorator | Mark):
        marks = (marks,)
    return ParameterSet(values, [one.mark if isinstance(one, MarkDecorator) else one for one in marks], id)


# fixtures


class FixtureDef(_Opaque):
    def __init__(self, function: Any, scope: Any, params: Any, autouse: bool, ids: Any, name: Any) -> None:
        self.function = function
        self.scope = scope
        self.params = params
        self.autouse = autouse
        self.ids = ids
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise Failed(f'Fixture "{self.name}" called directly.')


def fixture(
    fixture_function: Any = None, *, scope: Any = "function", params: Any = None, autouse: bool = False,
    ids: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    if callable(scope):
        scope = _not_known()
    if params is not None:
        params = tuple(params)

    def decorate(function: Any) -> FixtureDef:
        return FixtureDef(function, scope, params, autouse, ids, name or function.__name__)

    return decorate if fixture_function is None else decorate(fixture_function)


yield_fixture = fixture


# raises


class ExceptionInfo:
    def __init__(self) -> None:
        self._error: Any = None

    @property
    def value(self) -> Any:
        assert self._error is not None, ".value can only be used after the context manager exits"
        return self._error

    @property
    def type(self) -> Any:
        assert self._error is not None, ".type can only be used after the context manager exits"
        return type(self._error)

    @property
    def typename(self) -> str:
        return self.type.__name__  # type: ignore[no-any-return]

    def match(self, regexp: Any) -> bool:
        value = str(self.value)
        if not re.search(regexp, value):
            raise AssertionError(_words(f"Regex pattern did not match.\n Regex: {regexp!r}\n Input: {value!r}"))
        return True

    def exconly(self, tryshort: bool = False) -> str:
        return str(_not_known())

    def errisinstance(self, exc: Any) -> bool:
        return isinstance(self.value, exc)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return _not_known()

    def __str__(self) -> str:
        return str(_not_known())

    __repr__ = __str__


class RaisesContext(_Opaque):
    def __init__(self, expected: Any, match: Any = None, check: Any = None) -> None:
        self.expected = expected
        self.match = match
        self.check = check
        self.info = ExceptionInfo()

    def __enter__(self) -> ExceptionInfo:
        return self.info

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            raise Failed(_words(f"DID NOT RAISE {_named(self.expected)}"))
        if self.expected is not None and not isinstance(error, self.expected):
            return False
        self.info._error = error
        if self.match is not None:
            text = str(error)
            if not re.search(self.match, text):
                raise AssertionError(_words(f"Regex pattern did not match: {_pattern(self.match)!r} on {text!r}"))
        if self.check is not None and not self.check(error):
            raise AssertionError(_words("the check did not return True"))
        return True


def _pattern(match: Any) -> Any:
    return match.pattern if isinstance(match, re.Pattern) else match


def _named(expected: Any) -> str:
    if isinstance(expected, tuple):
        return "(" + ", ".join([_named(one) for one in expected]) + ")"
    return getattr(expected, "__name__", "an exception")


def raises(expected_exception: Any = None, *args: Any, **kwargs: Any) -> Any:
    if not args:
        if set(kwargs) - {"match", "check"} or (expected_exception is None and not kwargs):
            raise TypeError("Unexpected keyword arguments passed to pytest.raises")
        _check_kinds(expected_exception)
        return RaisesContext(expected_exception, **kwargs)
    _check_kinds(expected_exception)
    function = args[0]
    if not callable(function):
        raise TypeError(f"{function!r} object (type: {type(function)}) must be callable")
    with RaisesContext(expected_exception) as info:
        function(*args[1:], **kwargs)
    return info


def _check_kinds(expected: Any) -> None:
    for kind in expected if isinstance(expected, tuple) else (expected,):
        if kind is not None and not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError("expected exception must be a BaseException type")


# warnings


class WarningsRecorder(_Opaque):
    def __init__(self, expected: Any = None, match: Any = None) -> None:
        self._expected = expected
        self._match = match
        self._list: list[Any] = []

    @property
    def list(self) -> Any:
        return self._list

    def __getitem__(self, index: Any) -> Any:
        return self._list[index]

    def __iter__(self) -> Any:
        return iter(self._list)

    def __len__(self) -> int:
        return len(self._list)

    def pop(self, cls: Any = Warning) -> Any:
        for index, one in enumerate(self._list):
            if one.category == cls:
                return self._list.pop(index)
        for index, one in enumerate(self._list):
            if issubclass(one.category, cls):
                return _not_known() if len(self._list) > 1 else self._list.pop(index)
        raise AssertionError(_words(f"{cls!r} not found in warning list"))

    def clear(self) -> None:
        self._list[:] = []

    def __enter__(self) -> Any:
        self._manager = warnings.catch_warnings(record=True)
        self._list = self._manager.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        self._manager.__exit__(kind, error, trace)
        if self._expected is None or (error is not None and not isinstance(error, Exception)):
            return None
        meant = [
            one for one in self._list if issubclass(one.category, self._expected)
            and (self._match is None or re.search(self._match, str(one.message)))
        ]  # fmt: skip
        if not meant:
            raise Failed(_words(f"DID NOT WARN. No warnings of type {_named(self._expected)} were emitted."))
        for one in self._list:
            if one not in meant:  # it is emitted again
                warnings.warn(one.message, stacklevel=2)
        return None


def warns(expected_warning: Any = Warning, *args: Any, match: Any = None, **kwargs: Any) -> Any:
    if not args:
        if kwargs:
            raise TypeError("Unexpected keyword arguments passed to pytest.warns")
        return WarningsRecorder(expected_warning, match)
    with WarningsRecorder(expected_warning):
        return args[0](*args[1:], **kwargs)


def deprecated_call(func: Any = None, *args: Any, **kwargs: Any) -> Any:
    if func is not None:
        args = (func, *args)
    return warns((DeprecationWarning, PendingDeprecationWarning, FutureWarning), *args, **kwargs)


class _Base:
    """A class whose subclasses say nothing of tests."""


Item = Function = Module = Class = Session = Config = Parser = Metafunc = _Base
LogCaptureFixture = Pytester = TempPathFactory = Cache = CallInfo = ExitCode = _Base
