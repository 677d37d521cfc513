"""Fixtures: which a test needs, and their values. They are found from its class outward to the outermost file."""

from __future__ import annotations

import importlib
import inspect
from abc import ABC
from typing import Any, Generic, Protocol

from _cwm_evaluation import fresh_folder

pytest: Any = importlib.import_module("pytest")
OF_PYTHON: Any = (object, Generic, Protocol, ABC, Exception, BaseException, dict, list, tuple, set, str, int)


class NotKnown(BaseException):
    """A test needs something that is not known; the message says what."""


class Module:
    """A test file or a `conftest.py`: its name, and by its text the names of fixtures, at its top level and by class,
    and of classes with their bases."""

    def __init__(self, name: str, fixtures: Any, classes: Any, imported: Any) -> None:
        self.name = name
        self.fixture_names = fixtures
        self.classes = classes
        self.imported = imported
        self.module: Any = None
        self.fixtures: dict[str, Any] = {}
        """By the name that a test requests."""

    def load(self) -> None:
        self.module = importlib.import_module(self.name)
        for name in self.fixture_names:
            if hasattr(self.module, name):
                self.add(getattr(self.module, name))

    def add(self, found: Any) -> None:
        if isinstance(found, pytest.FixtureDef):
            self.fixtures[found.name] = found

    def fixture(self, name: str) -> Any:
        if name not in self.fixtures and name in self.imported and hasattr(self.module, name):
            self.add(getattr(self.module, name))
        return self.fixtures.get(name)


class Item:
    """A call of a test function."""

    def __init__(self, name: str, function: Any, kind: Any, method: str, values: Any, params: Any, marks: Any) -> None:
        self.name = name
        self.function = function
        self.kind = kind
        """Its class, or None."""
        self.method = method
        self.values = values
        """Parameters by name."""
        self.params = params
        """Of fixtures."""
        self.marks = marks
        self.doubt = ""
        """Why what comes of it is not known."""


class Fixtures:
    """The fixtures that the tests of a file may request."""

    def __init__(self, modules: list[Module], settings: Any) -> None:
        self.outer = modules[:-1]
        self.file = modules[-1]
        self.settings = settings
        self.cached: list[Any] = []
        """Those of a wider scope than a function: fixture, class, parameter, value, finalizers, error."""

    def arguments(self, function: Any, kind: Any, method: str) -> list[str]:
        """The names of the parameters that are requested."""
        parameters = list(inspect.signature(function).parameters.values())
        names = [
            one.name for one in parameters
            if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and one.default is one.empty
        ]  # fmt: skip
        if kind is not None and not self.is_static(kind, method):
            names = names[1:]
        if hasattr(function, "patchings"):  # mocks are handed over by position
            names = names[len([one for one in function.patchings if one.gives]) :]
        return names

    def is_static(self, kind: Any, method: str) -> bool:
        for base in lineage(kind):
            if method in vars(base):
                return isinstance(vars(base)[method], staticmethod | classmethod)
        return False

    def closure(self, names: list[str], marks: Any, kind: Any) -> list[str]:
        """All the fixtures that a test needs, the widest scopes first, as pytest sets them up."""
        found: list[str] = []
        for name in [*self.automatic(kind), *self.used(marks), *names]:
            self.add_closure(name, kind, found)
        scopes = ["session", "package", "module", "class", "function"]

        def scope(name: str) -> int:
            fixture = self.fixture(name, kind, 0)
            return scopes.index(fixture.scope) if fixture is not None else 4

        return sorted(found, key=scope)

    def add_closure(self, name: str, kind: Any, found: list[str]) -> None:
        if name in found:
            return
        found.append(name)
        fixture = self.fixture(name, kind, 0)
        if fixture is not None:
            for inner in self.needed(fixture, kind):
                self.add_closure(inner, kind, found)

    def needed(self, fixture: Any, kind: Any) -> list[str]:
        names = [
            one.name for one in inspect.signature(fixture.function).parameters.values()
            if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and one.default is one.empty
        ]  # fmt: skip
        return names[1:] if names and self.of_class(fixture, kind) else names

    def of_class(self, fixture: Any, kind: Any) -> bool:
        return kind is not None and fixture in self.class_fixtures(kind)

    def used(self, marks: Any) -> list[str]:
        found = [*self.settings["usefixtures"]]
        for mark in marks:
            if mark.name == "usefixtures":
                found.extend(mark.args)
        return found

    def automatic(self, kind: Any) -> list[str]:
        found = []
        for module in [*self.outer, self.file]:
            found.extend([name for name, one in module.fixtures.items() if one.autouse])
        if kind is not None:
            found.extend([one.name for one in self.class_fixtures(kind) if one.autouse])
        return found

    def class_fixtures(self, kind: Any) -> list[Any]:
        """Those of a class and its bases, the nearest first."""
        found = []
        for base in lineage(kind):
            for name in self.file.classes.get(base.__qualname__, ()):
                value = vars(base).get(name)
                if isinstance(value, pytest.FixtureDef):
                    found.append(value)
        return found

    def fixture(self, name: str, kind: Any, level: int) -> Any:
        """The fixture of a name that is nearest to a test, or the one that it overrides, `level` times."""
        chain = [one for one in self.class_fixtures(kind) if one.name == name] if kind is not None else []
        for module in [self.file, *reversed(self.outer)]:
            one = module.fixture(name)
            if one is not None:
                chain.append(one)
        return chain[level] if level < len(chain) else None

    def value(self, name: str, item: Item, instance: Any, state: Any, level: int = 0) -> Any:
        """The value of a fixture for a test."""
        if level == 0 and name in item.values:
            return item.values[name]
        key = (name, level)
        if key in state["values"]:
            return state["values"][key]
        fixture = self.fixture(name, item.kind, level)
        if fixture is None:
            value = self.builtin(name, item, instance, state)
        elif fixture.scope == "function":
            value = self.made(fixture, item, instance, state, level, state["finalizers"])
        else:
            value = self.shared(fixture, item, instance, state, level)
        state["values"][key] = value
        return value

    def shared(self, fixture: Any, item: Item, instance: Any, state: Any, level: int) -> Any:
        kind = item.kind if fixture.scope == "class" else None
        param = item.params.get(fixture.name, None)
        for entry in self.cached:
            if entry[0] is fixture and entry[1] is kind:
                if entry[2] is param or entry[2] == param:
                    if entry[5] is not None:
                        raise entry[5]
                    return entry[3]
                self.cached.remove(entry)
                finish(entry[4])
        finalizers: list[Any] = []
        entry = [fixture, kind, param, None, finalizers, None]
        self.cached.append(entry)
        try:
            entry[3] = self.made(fixture, item, instance, state, level, finalizers)
        except BaseException as error:
            entry[5] = error
            raise
        return entry[3]

    def made(self, fixture: Any, item: Item, instance: Any, state: Any, level: int, finalizers: Any) -> Any:
        """A new value of a fixture."""
        arguments = {}
        own = self.of_class(fixture, item.kind)
        for name in self.needed(fixture, item.kind):
            if name == "request":
                arguments[name] = self.request(fixture, item, instance, state, finalizers)
            elif name == fixture.name:
                arguments[name] = self.value(name, item, instance, state, level + 1)
            else:
                arguments[name] = self.value(name, item, instance, state)
        function = fixture.function
        if isinstance(function, staticmethod | classmethod) or inspect.iscoroutinefunction(function) or (
            inspect.isasyncgenfunction(function)
        ):  # fmt: skip
            raise NotKnown(f"the fixture '{fixture.name}' is not a plain function")
        if own:
            if instance is None:
                raise NotKnown(f"the fixture '{fixture.name}' needs an instance")
            function = function.__get__(instance, type(instance))
        if not inspect.isgeneratorfunction(fixture.function):
            return function(**arguments)
        generator = function(**arguments)
        value = next(generator)
        finalizers.append(lambda: exhaust(generator))
        return value

    def request(self, fixture: Any, item: Item, instance: Any, state: Any, finalizers: Any) -> Any:
        made = pytest.FixtureRequest()
        made._finalizers = finalizers
        made._find = lambda name: self.value(name, item, instance, state)
        if fixture is None or fixture.scope == "function":
            made.instance = instance
            made.node = pytest.Node(item.name.rpartition("::")[2], item.marks)
            made.function = item.function
        if fixture is None or fixture.scope in ("function", "class"):
            made.cls = item.kind
        made.module = self.file.module
        made.scope = "function" if fixture is None else fixture.scope
        made.fixturename = None if fixture is None else fixture.name
        if fixture is not None and fixture.params is not None and fixture.name not in item.params:
            raise NotKnown(f"the parameter of the fixture '{fixture.name}' is not known")
        if fixture is not None and fixture.name in item.params:
            made.param = item.params[fixture.name]
        return made

    def builtin(self, name: str, item: Item, instance: Any, state: Any) -> Any:
        """What pytest itself gives."""
        if name == "request":
            return self.request(None, item, instance, state, state["finalizers"])
        if name == "monkeypatch":
            patch = pytest.MonkeyPatch()
            state["finalizers"].append(patch.undo)
            return patch
        if name in ("capsys", "capfd"):
            capture = pytest.CaptureFixture()
            state["finalizers"].append(capture.close)
            return capture
        if name == "recwarn":
            recorder = pytest.WarningsRecorder()
            recorder.__enter__()
            state["finalizers"].append(lambda: recorder.__exit__(None, None, None))
            return recorder
        if name == "tmp_path":
            return fresh_folder()
        raise NotKnown(f"the fixture '{name}' is not known")


def lineage(kind: Any) -> list[Any]:
    """A class and its bases, but for those that come with Python."""
    return [base for base in kind.__mro__ if base not in OF_PYTHON]


def exhaust(generator: Any) -> None:
    for _ in generator:
        raise pytest.Failed("fixture function has more than one 'yield'")


def finish(finalizers: list[Any]) -> None:
    """Call them, the last one first; raises the first error."""
    first = None
    while finalizers:
        try:
            finalizers.pop()()
        except BaseException as error:
            if first is None:
                first = error
    if first is not None:
        raise first
