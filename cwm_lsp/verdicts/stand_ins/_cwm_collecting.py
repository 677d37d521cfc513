"""The tests of a file, as pytest collects them, with their ids."""

from __future__ import annotations

import enum
import importlib
import re
from typing import Any

from _cwm_fixtures import Fixtures, Item, NotKnown, lineage

pytest: Any = importlib.import_module("pytest")
unittest: Any = importlib.import_module("unittest")
AROUND = ("setup_method", "teardown_method", "setup_class", "teardown_class")


class Collecting(Fixtures):  # type: ignore[misc]
    """The items of one test file."""

    def __init__(self, modules: list[Any], settings: Any) -> None:
        super().__init__(modules, settings)
        self.items: list[Any] = []

    def collect(self, target: str) -> int:
        """The number of the items that a top-level name of the file gives, or one name in a class, `Class::name`."""
        self.items = []
        target, _, method = target.partition("::")
        if not hasattr(self.file.module, target):
            return 0
        found = getattr(self.file.module, target)
        if isinstance(found, type):
            if self.is_test(target, "classes") or issubclass(found, unittest.TestCase):
                self.collect_class(target, found, method)
        elif callable(found) and not isinstance(found, pytest.FixtureDef):
            self.collect_function(target, found, None, target)
        return len(self.items)

    def collect_class(self, prefix: str, kind: Any, only: str = "") -> None:
        if vars(kind).get("__test__", True) is False:
            return
        if issubclass(kind, unittest.TestCase):
            names = sorted([name for name in dir(kind) if name.startswith("test")])
            if not names and hasattr(kind, "runTest"):
                names = ["runTest"]
            for name in names:
                found = getattr(kind, name)
                if callable(found):
                    marks = [*self.marks_of(found), *self.marks_of(kind), *self.file_marks()]
                    self.items.append(Item(f"{prefix}::{name}", found, kind, name, {}, {}, marks))
            return
        if any(["__init__" in vars(base) or "__new__" in vars(base) for base in lineage(kind)]):
            return
        seen: list[str] = []
        for base in reversed(lineage(kind)):
            for name in vars(base):
                if name not in seen:
                    seen.append(name)
        for name in seen:
            if only and name != only:
                continue
            if self.is_test(name, "functions"):
                found = getattr(kind, name)
                if callable(found) and not isinstance(found, type | pytest.FixtureDef):
                    self.collect_function(f"{prefix}::{name}", found, kind, name)
            elif self.is_test(name, "classes"):
                inner = getattr(kind, name)
                if isinstance(inner, type) and inner.__qualname__ in self.file.classes:
                    before = len(self.items)
                    self.collect_class(f"{prefix}::{name}", inner)
                    if any([hasattr(kind, one) for one in AROUND]) or self.class_fixtures(kind):
                        for item in self.items[before:]:
                            item.doubt = "what the class around does for a class inside of it is not known"

    def is_test(self, name: str, what: str) -> bool:
        return any([re.fullmatch(pattern, name) is not None for pattern in self.settings[what]])

    def marks_of(self, target: Any) -> list[Any]:
        if isinstance(target, type):
            found: list[Any] = []
            for base in lineage(target):
                found.extend(self.plain(vars(base).get("pytestmark", [])))
            return found
        return self.plain(getattr(target, "pytestmark", []))

    def file_marks(self) -> list[Any]:
        return self.plain(getattr(self.file.module, "pytestmark", []))

    def plain(self, marks: Any) -> list[Any]:
        marks = list(marks) if isinstance(marks, list | tuple) else [marks]
        return [one.mark if isinstance(one, pytest.MarkDecorator) else one for one in marks]

    def collect_function(self, prefix: str, function: Any, kind: Any, method: str) -> None:
        marks = [*self.marks_of(function), *(self.marks_of(kind) if kind is not None else []), *self.file_marks()]
        names = self.arguments(function, kind, method)
        rows = [mark for mark in marks if mark.name == "parametrize"]
        given: list[str] = []
        for mark in rows:
            given.extend(self.argument_names(mark))
        calls: list[Any] = [([], {}, {}, [])]
        for name in self.closure(names, marks, kind):
            found = self.fixture(name, kind, 0)
            if found is not None and found.params is not None and name not in given:
                calls = self.multiply(calls, [name], found.params, found.ids, True)
        for mark in rows:
            calls = self.by_mark(calls, mark)
        for ids, values, params, more in calls:
            name = f"{prefix}[{'-'.join(ids)}]" if ids or rows or params else prefix
            self.items.append(Item(name, function, kind, method, values, params, [*more, *marks]))

    def argument_names(self, mark: Any) -> list[str]:
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        if isinstance(names, str):
            return [name.strip() for name in names.split(",") if name.strip()]
        return list(names)

    def by_mark(self, calls: Any, mark: Any) -> Any:
        names = self.argument_names(mark)
        whole = mark.args[0] if mark.args else mark.kwargs["argnames"]
        single = isinstance(whole, str) and len(names) == 1 and "," not in whole
        values = mark.args[1] if len(mark.args) > 1 else mark.kwargs["argvalues"]
        if len(mark.args) > 2:
            raise NotKnown("parametrize with positional options")
        if not single:
            values = [value if isinstance(value, pytest.ParameterSet) else pytest.param(*value) for value in values]
        return self.multiply(calls, names, list(values), mark.kwargs.get("ids"), mark.kwargs.get("indirect", False))

    def multiply(self, calls: Any, names: list[str], values: Any, ids: Any, indirect: Any) -> Any:
        sets = [value if isinstance(value, pytest.ParameterSet) else pytest.param(value) for value in values]
        for one in sets:
            if len(one.values) != len(names):
                raise NotKnown("a row of parametrize has another number of values than names")
        if not sets:
            skipped = pytest.param(*[None for _ in names], marks=pytest.mark.skip(reason="got empty parameter set"))
            skipped.id = "-".join(["NOTSET" for _ in names])
            sets = [skipped]
        labels = self.labels(names, sets, ids)
        made = []
        for before, known, params, marks in calls:
            for label, one in zip(labels, sets):  # noqa: B905
                direct, through = dict(known), dict(params)
                for name, value in zip(names, one.values):  # noqa: B905
                    if indirect is True or (indirect is not False and name in indirect):
                        through[name] = value
                    else:
                        direct[name] = value
                made.append(([*before, label], direct, through, [*one.marks, *marks]))
        return made

    def labels(self, names: list[str], sets: Any, ids: Any) -> list[str]:
        found = []
        listed = None if ids is None or callable(ids) else list(ids)
        for index, one in enumerate(sets):
            if one.id is not None:
                found.append(escaped(one.id))
            elif listed is not None and index < len(listed) and listed[index] is not None:
                found.append(label_of(listed[index], None))
            else:
                parts = []
                for name, value in zip(names, one.values):  # noqa: B905
                    label = ids(value) if ids is not None and listed is None else None
                    parts.append(label_of(label, None) if label is not None else label_of(value, f"{name}{index}"))
                found.append("-".join(parts))
        if len(set(found)) == len(found):
            return found
        counts = {one: found.count(one) for one in found}
        suffixes = dict.fromkeys(found, 0)
        for index, one in enumerate(list(found)):
            if counts[one] > 1:
                between = "_" if one and one[-1].isdigit() else ""
                label = f"{one}{between}{suffixes[one]}"
                while label in found:
                    suffixes[one] += 1
                    label = f"{one}{between}{suffixes[one]}"
                found[index] = label
                suffixes[one] += 1
        return found


def escaped(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")


def label_of(value: Any, otherwise: Any) -> str:
    """The part of a test's id for a value."""
    if isinstance(value, str):
        return escaped(value) if otherwise is None or len(value) <= 100 else otherwise
    if isinstance(value, bytes):
        if otherwise is not None and len(value) > 100:
            return str(otherwise)
        return value.decode("ascii", "backslashreplace")
    if value is None or isinstance(value, float | int | complex):
        return str(value)
    if isinstance(value, re.Pattern):
        return escaped(value.pattern)
    if isinstance(value, enum.Enum):
        return str(value)
    name = value.__name__ if hasattr(value, "__name__") else None
    if isinstance(name, str):
        return name
    if otherwise is None:
        raise NotKnown("an id of parametrize is not of a type that pytest takes")
    return str(otherwise)
