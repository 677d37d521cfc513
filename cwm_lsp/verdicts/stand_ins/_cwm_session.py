"""What performs the tests of a file, one by one. An outcome is a tuple of plain values: see `perform`."""

from __future__ import annotations

import importlib
import inspect
import warnings
from typing import Any

from _cwm_asserted import noted
from _cwm_collecting import Collecting
from _cwm_evaluation import trail
from _cwm_fixtures import Item, Module, NotKnown, finish  # noqa: F401  a driver's

pytest: Any = importlib.import_module("pytest")
unittest: Any = importlib.import_module("unittest")
pytest.worded = True
SHOWN = 500
"""Characters of a value that is shown."""


class Session(Collecting):  # type: ignore[misc]
    """The tests of one file."""

    def __init__(self, modules: list[Any], settings: Any) -> None:
        super().__init__(modules, settings)
        self.set_up: Any = False
        """The `setup_module` of the file has been called, or the error that it raised."""
        self.classes_set_up: list[Any] = []

    def load(self) -> Any:
        """Import the files; the module, type and message of an error, if there is one."""
        for module in [*self.outer, self.file]:
            try:
                module.load()
            except BaseException as error:
                return (module.name, type(error).__name__, str(error)[:SHOWN])
        if self.settings["warnings"]:
            warnings.simplefilter("error")
        return None

    def name(self, number: int) -> str:
        return str(self.items[number].name)

    def perform(self, number: int) -> Any:
        """How an item ends: `(name, verdict, how)`; `detail` tells more."""
        item = self.items[number]
        self.failed: Any = None
        noted.clear()
        try:
            self.run(item)
        except NotKnown as error:
            return (item.name, "unknown", str(error))
        except pytest.XFailed as error:
            return (item.name, "pass", f"xfailed: {error}")
        except (pytest.Skipped, unittest.SkipTest) as error:
            return (item.name, "pass", f"skipped: {error}")
        except (MemoryError, ImportError, KeyboardInterrupt) as error:
            return (item.name, "unknown", f"{type(error).__name__} hangs on the surroundings")
        except BaseException as error:
            if isinstance(error, Warning) and self.settings["warnings"]:
                return (item.name, "unknown", "which warnings are errors is not known")
            self.failed = (error, list(noted), trail())
            kind = AssertionError if isinstance(error, unittest.Differs) else type(error)
            return (item.name, "fail", kind.__name__.lstrip("_"))
        return (item.name, "pass", "")

    def detail(self) -> Any:
        """Of what failed last: the frames that were left, the line of the assertion, what was expected and found."""
        error, found, frames = self.failed
        places = [(function, line) for module, function, line in frames if module == self.file.name]
        line = places[0][1] if places else None
        if isinstance(error, AssertionError) and found and (not places or found[0] == line):
            return (found[0], places, *found[1:])
        if isinstance(error, unittest.Differs):
            return (line, places, error.expected, error.actual)
        return (line, places)

    def told(self, detail: Any) -> Any:
        """What was expected and found, in words, and the message of the exception."""
        error = self.failed[0]
        message = str(error)[:SHOWN]
        if len(detail) == 5:
            operation, left, right = detail[2:]
            if operation == "":
                return (message, "true", shown(left))
            return (message, shown(right) if operation == "==" else f"{operation} {shown(right)}", shown(left))
        if len(detail) == 4:
            return (message, *[part if isinstance(part, str) else shown(part[0]) for part in detail[2:]])
        return (message, None, None)

    def run(self, item: Item) -> None:
        """Set up, call, tear down; raises what makes a test fail."""
        strict = self.settings["xfail_strict"]
        expected = None
        if item.doubt:
            raise NotKnown(item.doubt)
        for mark in item.marks:
            if mark.name == "skip":
                raise pytest.Skipped(mark.kwargs.get("reason", mark.args[0] if mark.args else "unconditional skip"))
            if mark.name == "skipif" and any([self.holds(one) for one in self.conditions(mark)]):
                raise pytest.Skipped(mark.kwargs.get("reason", ""))
            if (
                mark.name == "xfail"
                and expected is None
                and (not self.conditions(mark) or any([self.holds(one) for one in self.conditions(mark)]))
            ):
                expected = mark
            if mark.name in ("asyncio", "anyio", "trio", "django_db", "flaky", "filterwarnings"):
                raise NotKnown(f"what the mark '{mark.name}' does is not known")
        if expected is None:
            self.call(item)
            return
        reason = expected.kwargs.get("reason", "")
        if not expected.kwargs.get("run", True):
            raise pytest.XFailed(reason)
        kinds = expected.kwargs.get("raises")
        try:
            self.call(item)
        except (NotKnown, pytest.Skipped, unittest.SkipTest, pytest.XFailed):
            raise
        except BaseException as error:
            if kinds is not None and not isinstance(error, kinds):
                raise
            raise pytest.XFailed(reason) from None
        if expected.kwargs.get("strict", strict):
            raise pytest.Failed(f"[XPASS(strict)] {reason}")

    def conditions(self, mark: Any) -> Any:
        return [*mark.args, *([mark.kwargs["condition"]] if "condition" in mark.kwargs else [])]

    def holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            raise NotKnown("a condition that is text")
        return bool(condition)

    def call(self, item: Item) -> None:
        function = item.function
        of_unittest = item.kind is not None and issubclass(item.kind, unittest.TestCase)
        if not of_unittest and (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
            raise NotKnown("what runs an asynchronous test is not known")
        self.set_up_module()
        if item.kind is not None and issubclass(item.kind, unittest.TestCase):
            self.enter_class(item.kind, "setUpClass")
            self.call_unittest(item)
            return
        state: Any = {"values": {}, "finalizers": []}
        instance = None
        problem = None
        try:
            if item.kind is not None:
                self.enter_class(item.kind, "setup_class")
                instance = item.kind()
            self.before(item, instance, state)
            names = self.arguments(item.function, item.kind, item.method)
            for name in self.closure(names, item.marks, item.kind):
                self.value(name, item, instance, state)
            arguments = {name: self.value(name, item, instance, state) for name in names}
            called = getattr(instance, item.method) if instance is not None else function
            result = called(**arguments)
            if inspect.isgenerator(result):
                raise NotKnown("a test that yields")
        except BaseException as error:
            problem = error
            raise
        finally:
            try:
                finish(state["finalizers"])
            except BaseException:
                if problem is None:
                    raise

    def set_up_module(self) -> None:
        if self.set_up is False:
            self.set_up = True
            for name in ("setUpModule", "setup_module"):
                if hasattr(self.file.module, name):
                    function = getattr(self.file.module, name)
                    self.set_up = NotKnown("the module's set-up failed")
                    function(*([self.file.module] if inspect.signature(function).parameters else []))
                    self.set_up = True
                    break
        if self.set_up is not True:
            raise self.set_up

    def enter_class(self, kind: Any, name: str) -> None:
        for one, problem in self.classes_set_up:
            if one is kind:
                if problem is not None:
                    raise problem
                return
        for one, _ in self.classes_set_up:
            closing = "tearDownClass" if issubclass(one, unittest.TestCase) else "teardown_class"
            if hasattr(one, closing):
                getattr(one, closing)()
        for entry in [entry for entry in self.cached if entry[1] is not None]:
            self.cached.remove(entry)
            finish(entry[4])
        self.classes_set_up = [(kind, None)]
        if hasattr(kind, name):
            try:
                getattr(kind, name)()
            except BaseException as error:
                self.classes_set_up = [(kind, error)]
                raise

    def before(self, item: Item, instance: Any, state: Any) -> None:
        """The set-up and tear-down that is found by name."""
        owner, opening, closing, given = self.file.module, "setup_function", "teardown_function", item.function
        if instance is not None:
            owner, opening, closing, given = instance, "setup_method", "teardown_method", None
            given = getattr(instance, item.method)
        if hasattr(owner, closing):
            function = getattr(owner, closing)
            state["finalizers"].append(lambda: self.with_optional(function, given))
        if hasattr(owner, opening):
            self.with_optional(getattr(owner, opening), given)

    def with_optional(self, function: Any, argument: Any) -> None:
        function(*([argument] if inspect.signature(function).parameters else []))

    def call_unittest(self, item: Item) -> None:
        automatic = self.closure([], item.marks, item.kind)
        state: Any = {"values": {}, "finalizers": []}
        case = item.kind(item.method)
        problem = None
        try:
            for name in automatic:
                self.value(name, item, case, state)
            case._perform()
        except BaseException as error:
            problem = error
            raise
        finally:
            try:
                finish(state["finalizers"])
            except BaseException:
                if problem is None:
                    raise


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
