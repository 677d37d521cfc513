"""What pytest's own fixtures give: `monkeypatch`, `capsys`, `request` and what belongs to them."""

from __future__ import annotations

from typing import Any

_not_known: Any = input
"""Something that is not known."""
_absent: Any = object()
"""No argument."""


class MonkeyPatch:
    def __init__(self) -> None:
        self._attributes: list[Any] = []
        self._items: list[Any] = []
        self._folder: Any = None
        """Where the program was before it went elsewhere."""

    @classmethod
    def context(cls) -> Any:
        return _MonkeyContext()

    def setattr(self, target: Any, name: Any, value: Any = _absent, raising: bool = True) -> None:
        if value is _absent:
            if not isinstance(target, str):
                raise TypeError("use setattr(target, name, value) or setattr(target, value) with target being a dotted "
                                "import string")  # fmt: skip
            value = name
            target, name = _resolve(target)
        absent = not hasattr(target, name)
        if raising and absent:
            raise AttributeError(f"{target!r} has no attribute {name!r}")
        old = None if absent else getattr(target, name)
        if isinstance(target, type):
            absent = name not in vars(target)
            old = None if absent else vars(target)[name]
        self._attributes.append((target, name, old, absent))
        setattr(target, name, value)

    def delattr(self, target: Any, name: Any = _absent, raising: bool = True) -> None:
        if name is _absent:
            target, name = _resolve(target)
        if not hasattr(target, name):
            if raising:
                raise AttributeError(name)
            return
        old = vars(target)[name] if isinstance(target, type) else getattr(target, name)
        self._attributes.append((target, name, old, False))
        delattr(target, name)

    def setitem(self, dic: Any, name: Any, value: Any) -> None:
        absent = name not in dic
        self._items.append((dic, name, None if absent else dic[name], absent))
        dic[name] = value

    def delitem(self, dic: Any, name: Any, raising: bool = True) -> None:
        if name not in dic:
            if raising:
                raise KeyError(name)
            return
        self._items.append((dic, name, dic[name], False))
        del dic[name]

    def setenv(self, name: str, value: Any, prepend: Any = None) -> None:
        import os

        if not isinstance(value, str) or prepend is not None:
            _not_known()
        self.setitem(os.environ, name, value)

    def delenv(self, name: str, raising: bool = True) -> None:
        import os

        self.delitem(os.environ, name, raising)

    def syspath_prepend(self, path: Any) -> None:
        _not_known()

    def chdir(self, path: Any) -> None:
        import os

        if self._folder is None:
            self._folder = os.getcwd()  # noqa: PTH109  no paths are needed
        os.chdir(path)

    def undo(self) -> None:
        for target, name, old, absent in reversed(self._attributes):
            if absent:
                delattr(target, name)
            else:
                setattr(target, name, old)
        self._attributes = []
        for dic, name, old, absent in reversed(self._items):
            if absent:
                if name in dic:
                    del dic[name]
            else:
                dic[name] = old
        self._items = []
        if self._folder is not None:
            import os

            os.chdir(self._folder)
            self._folder = None


class _MonkeyContext:
    def __enter__(self) -> MonkeyPatch:
        self._patch = MonkeyPatch()
        return self._patch

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._patch.undo()


def _resolve(path: str) -> Any:
    import importlib

    parts = path.split(".")
    target = importlib.import_module(parts[0])
    name = parts[0]
    for part in parts[1:-1]:
        name = f"{name}.{part}"
        if not hasattr(target, part):
            importlib.import_module(name)
        target = getattr(target, part)
    if not hasattr(target, parts[-1]):
        _not_known()
    return target, parts[-1]


# what fixtures give


class CaptureResult:
    def __init__(self, out: str, err: str) -> None:
        self.out = out
        self.err = err

    def __iter__(self) -> Any:
        return iter((self.out, self.err))

    def __getitem__(self, index: Any) -> Any:
        return (self.out, self.err)[index]

    def __eq__(self, other: Any) -> bool:
        return (self.out, self.err) == (tuple(other) if isinstance(other, CaptureResult) else other)

    __hash__ = None  # type: ignore[assignment]


class CaptureFixture:
    def __init__(self) -> None:
        import io
        import sys

        self._before = sys.stdout, sys.stderr
        self._out, self._err = io.StringIO(), io.StringIO()
        sys.stdout, sys.stderr = self._out, self._err

    def readouterr(self) -> CaptureResult:
        found = CaptureResult(self._out.getvalue(), self._err.getvalue())
        for stream in (self._out, self._err):
            stream.seek(0)
            stream.truncate()
        return found

    def disabled(self) -> Any:
        return _not_known()

    def close(self) -> None:
        import sys

        sys.stdout, sys.stderr = self._before


class FixtureRequest:
    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__" or name == "param":
            raise AttributeError(f"'SubRequest' object has no attribute {name!r}")
        return _not_known()

    def addfinalizer(self, finalizer: Any) -> None:
        self._finalizers.append(finalizer)

    def getfixturevalue(self, argname: str) -> Any:
        return self._find(argname)


class Node:
    """A test, as fixtures see it."""

    def __init__(self, name: str, marks: Any) -> None:
        self.name = name
        self._marks = marks

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return _not_known()

    def iter_markers(self, name: Any = None) -> Any:
        return iter([mark for mark in self._marks if name is None or mark.name == name])

    def get_closest_marker(self, name: str, default: Any = None) -> Any:
        for mark in self._marks:
            if mark.name == name:
                return mark
        return default
