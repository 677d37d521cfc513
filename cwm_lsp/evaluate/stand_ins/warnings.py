"""`warnings`: what is warned of is shown where no program looks, recorded, raised or left, as the filters say.

Follows `Lib/warnings.py` of CPython 3.11. Where a warning is looked for by module or line, or shown once for a place,
the caller's place would be needed: that is not known.
"""

from __future__ import annotations

import re
from typing import Any

_not_known: Any = input
"""Something that is not known."""

_filters: list[tuple[str, Any, type[Warning], Any, int]] = []
"""Those that the program has set, the first one first; the interpreter's own come after them."""
filters: Any = input
_log: list[list[Any]] = []
"""The lists that `catch_warnings` records in, the innermost last."""


class WarningMessage:
    def __init__(
        self, message: Any, category: Any, filename: Any = None, lineno: Any = None, file: Any = None, line: Any = None,
        source: Any = None,
    ) -> None:  # fmt: skip
        self.message = message
        self.category = category
        self._category_name = category.__name__ if category else None
        self.file = file
        self.line = line
        self.source = source

    def __getattr__(self, name: str) -> Any:
        if name in ("filename", "lineno"):
            return _not_known()
        raise AttributeError(f"'WarningMessage' object has no attribute '{name}'")

    def __str__(self) -> str:
        return str(_not_known())


def _action(text: str, category: type[Warning]) -> str:
    for action, message, kind, module, line in _filters:
        if (message is None or message.match(text)) and issubclass(category, kind):
            if module is not None or line:
                return str(_not_known())
            return action
    for ignored in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        if issubclass(category, ignored):
            return "ignore" if not _log or ignored is not DeprecationWarning else str(_not_known())
    return "default"


def warn(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None) -> None:
    if isinstance(message, Warning):
        category = message.__class__
    if category is None:
        category = UserWarning
    if not (isinstance(category, type) and issubclass(category, Warning)):
        raise TypeError(f"category must be a Warning subclass, not '{type(category).__name__:s}'")
    if isinstance(message, Warning):
        text = str(message)
    else:
        text = message
        message = category(message)
    action = _action(text, category)
    if action == "ignore":
        return
    if action == "error":
        raise message
    if showwarning is not _shown:
        if action in ("always", "all"):
            showwarning(message, category, filters, filters, None, None)
        else:
            _not_known()
    elif _log:
        if action in ("always", "all"):
            _log[-1].append(WarningMessage(message, category, source=source))
        else:
            _log[-1].append(_not_known())


def warn_explicit(*arguments: Any, **named: Any) -> None:
    return _not_known()  # type: ignore[no-any-return]


def _add(item: Any, append: Any) -> None:
    if append:
        if item not in _filters:
            _filters.append(item)
    else:
        if item in _filters:
            _filters.remove(item)
        _filters.insert(0, item)


def filterwarnings(
    action: str, message: str = "", category: type[Warning] = Warning, module: str = "", lineno: int = 0,
    append: bool = False,
) -> None:  # fmt: skip
    assert action in ("error", "ignore", "always", "default", "module", "once"), f"invalid action: {action!r}"
    assert isinstance(message, str), "message must be a string"
    assert isinstance(category, type), "category must be a class"
    assert issubclass(category, Warning), "category must be a Warning subclass"
    assert isinstance(module, str), "module must be a string"
    assert isinstance(lineno, int) and lineno >= 0, "lineno must be an int >= 0"
    text = re.compile(message, re.I) if message else None
    place = re.compile(module) if module else None
    _add((action, text, category, place, lineno), append)


def simplefilter(action: str, category: type[Warning] = Warning, lineno: int = 0, append: bool = False) -> None:
    assert action in ("error", "ignore", "always", "default", "module", "once"), f"invalid action: {action!r}"
    assert isinstance(lineno, int) and lineno >= 0, "lineno must be an int >= 0"
    _add((action, None, category, None, lineno), append)


def resetwarnings() -> None:
    _filters[:] = [("default", None, Warning, None, 0)]


def _shown(message: Any, category: Any, filename: Any, lineno: Any, file: Any = None, line: Any = None) -> None:
    if file is not None:
        _not_known()


showwarning: Any = _shown


class catch_warnings:  # noqa: N801
    def __init__(
        self, *, record: bool = False, module: Any = None, action: Any = None, category: type[Warning] = Warning,
        lineno: int = 0, append: bool = False,
    ) -> None:  # fmt: skip
        self._record = record
        self._entered = False
        self._filter = None if action is None else (action, category, lineno, append)

    def __enter__(self) -> Any:
        global showwarning
        if self._entered:
            raise RuntimeError(f"Cannot enter {self!r} twice")
        self._entered = True
        self._filters = _filters[:]
        self._showwarning = showwarning
        if self._filter is not None:
            simplefilter(*self._filter)
        if self._record:
            showwarning = _shown
            log: list[Any] = []
            _log.append(log)
            return log
        return None

    def __exit__(self, *exc_info: object) -> None:
        global showwarning
        if not self._entered:
            raise RuntimeError(f"Cannot exit {self!r} without entering first")
        _filters[:] = self._filters
        showwarning = self._showwarning
        if self._record:
            _log.pop()
