"""`unittest`, as tests use it: `TestCase` and its assertions. What else it has is not known."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import Any

_not_known: Any = input
"""Something that is not known."""


def __getattr__(name: str) -> Any:
    if name == "mock":
        import importlib

        return importlib.import_module("unittest.mock")
    return _not_known()


class SkipTest(Exception):
    pass


class Differs(AssertionError):
    """An assertion that did not hold: `expected` and `actual` are words, or a list of the value alone."""

    def __init__(self, message: Any, text: Any, expected: Any = "", actual: Any = "") -> None:
        super().__init__(text if message is None else f"{text} : {message}")
        self.expected = expected
        self.actual = actual


def skip(reason: Any) -> Any:
    def decorate(target: Any) -> Any:
        if isinstance(target, type):
            target.__unittest_skip__ = True  # type: ignore[attr-defined]
            target.__unittest_skip_why__ = reason  # type: ignore[attr-defined]
            return target

        def skipped(*args: Any, **kwargs: Any) -> Any:
            raise SkipTest(reason)

        skipped.__name__ = target.__name__
        return skipped

    if callable(reason) and not isinstance(reason, type):
        function, reason = reason, ""
        return decorate(function)
    return decorate


def skipIf(condition: Any, reason: Any) -> Any:
    return skip(reason) if condition else lambda target: target


def skipUnless(condition: Any, reason: Any) -> Any:
    return lambda target: target if condition else skip(reason)(target)


def expectedFailure(target: Any) -> Any:
    target.__unittest_expecting_failure__ = True
    return target


def main(*args: Any, **kwargs: Any) -> None:
    pass


class _Raises:
    def __init__(self, case: Any, kinds: Any, pattern: Any, message: Any) -> None:
        self.case = case
        self.kinds = kinds
        self.pattern = pattern
        self.message = message

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            name = _named(self.kinds)
            raise Differs(self.message, f"{name} not raised", name, "nothing was raised")
        if not isinstance(error, self.kinds):
            return False
        self.exception = error
        if self.pattern is not None and not re.search(self.pattern, str(error)):
            text = f"{self.pattern!r} does not match {str(error)!r}"
            raise Differs(self.message, text, f"matches {self.pattern!r}", [str(error)])
        return True


class _Warns:
    def __init__(self, kinds: Any, pattern: Any, message: Any) -> None:
        self.kinds = kinds
        self.pattern = pattern
        self.message = message

    def __enter__(self) -> Any:
        self.manager = warnings.catch_warnings(record=True)
        self.warnings = self.manager.__enter__()
        warnings.simplefilter("always", self.kinds)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.manager.__exit__(kind, error, trace)
        if error is not None:
            return
        found = [one for one in self.warnings if isinstance(one.message, self.kinds)]
        for one in found:
            if self.pattern is None or re.search(self.pattern, str(one.message)):
                self.warning = one.message
                return
        if found:
            raise Differs(self.message, f"{self.pattern!r} does not match {str(found[0].message)!r}")
        raise Differs(self.message, f"{_named(self.kinds)} not triggered", _named(self.kinds), "no warning")

    def __getattr__(self, name: str) -> Any:
        if name in ("filename", "lineno"):
            return _not_known()
        raise AttributeError(name)


class _Sub:
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        pass


def _named(kinds: Any) -> str:
    return " or ".join([one.__name__ for one in kinds]) if isinstance(kinds, tuple) else str(kinds.__name__)


class TestCase:
    failureException = AssertionError
    longMessage = True
    maxDiff: Any = 640

    def __init__(self, methodName: str = "runTest") -> None:
        self._testMethodName = methodName
        self._cleanups: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if name in _LEFT_OUT:
            return _not_known()
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def setUp(self) -> None:
        pass

    def tearDown(self) -> None:
        pass

    @classmethod
    def setUpClass(cls) -> None:
        pass

    @classmethod
    def tearDownClass(cls) -> None:
        pass

    @classmethod
    def addClassCleanup(cls, *args: Any, **kwargs: Any) -> None:
        _not_known()

    def _perform(self) -> None:
        """Set up, call the method, tear down and clean up; raises what makes it fail."""
        if getattr(type(self), "__unittest_skip__", False):
            raise SkipTest(getattr(type(self), "__unittest_skip_why__", ""))
        method = getattr(self, self._testMethodName)
        expecting = getattr(method, "__unittest_expecting_failure__", False)
        problem: Any = None
        try:
            self.setUp()
            try:
                self._call(method)
            except SkipTest:
                raise
            except Exception:
                if not expecting:
                    raise
                expecting = False
            else:
                if expecting:
                    raise Differs(None, "unexpected success")
            finally:
                self.tearDown()
        except BaseException as error:
            problem = error
            raise
        finally:
            while self._cleanups:
                function, args, kwargs = self._cleanups.pop()
                try:
                    function(*args, **kwargs)
                except Exception:
                    if problem is None:
                        raise

    def _call(self, method: Any) -> None:
        import inspect

        if inspect.iscoroutinefunction(method):
            _not_known()
        method()

    def id(self) -> str:
        return f"{type(self).__module__}.{type(self).__qualname__}.{self._testMethodName}"

    def shortDescription(self) -> Any:
        return _not_known()

    def __str__(self) -> str:
        return str(_not_known())

    __repr__ = __str__

    def addCleanup(self, function: Any, /, *args: Any, **kwargs: Any) -> None:
        self._cleanups.append((function, args, kwargs))

    def doCleanups(self) -> Any:
        return _not_known()

    def enterContext(self, manager: Any) -> Any:
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def addTypeEqualityFunc(self, typeobj: Any, function: Any) -> None:
        _not_known()

    def skipTest(self, reason: Any) -> None:
        raise SkipTest(reason)

    def subTest(self, msg: Any = None, **params: Any) -> Any:
        return _Sub()

    def fail(self, msg: Any = None) -> None:
        raise Differs(None, msg)

    def assertTrue(self, expr: Any, msg: Any = None) -> None:
        if not expr:
            raise Differs(msg, "it is not true", "true", [expr])

    assert_ = failUnless = assertTrue

    def assertFalse(self, expr: Any, msg: Any = None) -> None:
        if expr:
            raise Differs(msg, "it is not false", "false", [expr])

    def assertEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        if not first == second:
            raise Differs(msg, "not equal", [second], [first])

    assertEquals = assertEqual

    def assertNotEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        if not first != second:
            raise Differs(msg, "equal", "!=", [first])

    assertNotEquals = assertNotEqual

    def _typed(self, first: Any, second: Any, kind: Any, msg: Any) -> None:
        if kind is not None and not (isinstance(first, kind) and isinstance(second, kind)):
            raise Differs(msg, f"not a {kind.__name__}", [second], [first])
        self.assertEqual(first, second, msg)

    def assertSequenceEqual(self, first: Any, second: Any, msg: Any = None, seq_type: Any = None) -> None:
        if seq_type is not None:
            self._typed(first, second, seq_type, msg)
            return
        if first == second:
            return
        if len(first) != len(second) or any([first[i] != second[i] for i in range(len(first))]) or (
            type(first) is type(second)
        ):  # fmt: skip
            raise Differs(msg, "sequences differ", [second], [first])

    def assertListEqual(self, list1: Any, list2: Any, msg: Any = None) -> None:
        self._typed(list1, list2, list, msg)

    def assertTupleEqual(self, tuple1: Any, tuple2: Any, msg: Any = None) -> None:
        self._typed(tuple1, tuple2, tuple, msg)

    def assertDictEqual(self, d1: Any, d2: Any, msg: Any = None) -> None:
        self._typed(d1, d2, dict, msg)

    def assertMultiLineEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        self._typed(first, second, str, msg)

    def assertSetEqual(self, set1: Any, set2: Any, msg: Any = None) -> None:
        if set1.difference(set2) or set2.difference(set1):
            raise Differs(msg, "sets differ", [set2], [set1])

    def assertCountEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        one, other = list(first), list(second)
        try:
            same = Counter(one) == Counter(other)
        except TypeError:
            rest = list(other)
            for item in one:
                if item in rest:
                    rest.remove(item)
                else:
                    rest.append(item)
                    break
            same = not rest
        if not same:
            raise Differs(msg, "elements differ", [other], [one])

    def assertIn(self, member: Any, container: Any, msg: Any = None) -> None:
        if member not in container:
            raise Differs(msg, "not found", [container], [member])

    def assertNotIn(self, member: Any, container: Any, msg: Any = None) -> None:
        if member in container:
            raise Differs(msg, "unexpectedly found", "not in", [member])

    def assertIs(self, expr1: Any, expr2: Any, msg: Any = None) -> None:
        if expr1 is not expr2:
            raise Differs(msg, "not the same", [expr2], [expr1])

    def assertIsNot(self, expr1: Any, expr2: Any, msg: Any = None) -> None:
        if expr1 is expr2:
            raise Differs(msg, "unexpectedly identical", "is not", [expr1])

    def assertIsNone(self, obj: Any, msg: Any = None) -> None:
        if obj is not None:
            raise Differs(msg, "it is not None", "None", [obj])

    def assertIsNotNone(self, obj: Any, msg: Any = None) -> None:
        if obj is None:
            raise Differs(msg, "unexpectedly None", "not None", "None")

    def assertIsInstance(self, obj: Any, cls: Any, msg: Any = None) -> None:
        if not isinstance(obj, cls):
            raise Differs(msg, "not an instance", [cls], [obj])

    def assertNotIsInstance(self, obj: Any, cls: Any, msg: Any = None) -> None:
        if isinstance(obj, cls):
            raise Differs(msg, "an instance", "not an instance", [obj])

    def assertGreater(self, a: Any, b: Any, msg: Any = None) -> None:
        if not a > b:
            raise Differs(msg, "not greater", [b], [a])

    def assertGreaterEqual(self, a: Any, b: Any, msg: Any = None) -> None:
        if not a >= b:
            raise Differs(msg, "not greater or equal", [b], [a])

    def assertLess(self, a: Any, b: Any, msg: Any = None) -> None:
        if not a < b:
            raise Differs(msg, "not less", [b], [a])

    def assertLessEqual(self, a: Any, b: Any, msg: Any = None) -> None:
        if not a <= b:
            raise Differs(msg, "not less or equal", [b], [a])

    def _near(self, first: Any, second: Any, places: Any, delta: Any) -> bool:
        if delta is not None and places is not None:
            raise TypeError("specify delta or places not both")
        difference = abs(first - second)
        if delta is not None:
            return bool(difference <= delta)
        return bool(round(difference, 7 if places is None else places) == 0)

    def assertAlmostEqual(
        self, first: Any, second: Any, places: Any = None, msg: Any = None, delta: Any = None
    ) -> None:
        if not (first == second or self._near(first, second, places, delta)):
            raise Differs(msg, "not almost equal", [second], [first])

    assertAlmostEquals = assertAlmostEqual

    def assertNotAlmostEqual(
        self, first: Any, second: Any, places: Any = None, msg: Any = None, delta: Any = None
    ) -> None:
        if first == second or self._near(first, second, places, delta):
            raise Differs(msg, "almost equal", [second], [first])

    def assertRegex(self, text: Any, expected_regex: Any, msg: Any = None) -> None:
        if not re.search(expected_regex, text):
            raise Differs(msg, "no match", [expected_regex], [text])

    assertRegexpMatches = assertRegex

    def assertNotRegex(self, text: Any, unexpected_regex: Any, msg: Any = None) -> None:
        if re.search(unexpected_regex, text):
            raise Differs(msg, "a match", [unexpected_regex], [text])

    def assertRaises(self, expected_exception: Any, *args: Any, **kwargs: Any) -> Any:
        return self._raising(expected_exception, None, args, kwargs)

    def assertRaisesRegex(self, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any) -> Any:
        return self._raising(expected_exception, expected_regex, args, kwargs)

    assertRaisesRegexp = assertRaisesRegex

    def _raising(self, kinds: Any, pattern: Any, args: Any, kwargs: Any) -> Any:
        if not args:
            return _Raises(self, kinds, pattern, kwargs.get("msg"))
        with _Raises(self, kinds, pattern, None):
            args[0](*args[1:], **kwargs)
        return None

    def assertWarns(self, expected_warning: Any, *args: Any, **kwargs: Any) -> Any:
        return self._warning(expected_warning, None, args, kwargs)

    def assertWarnsRegex(self, expected_warning: Any, expected_regex: Any, *args: Any, **kwargs: Any) -> Any:
        return self._warning(expected_warning, expected_regex, args, kwargs)

    def _warning(self, kinds: Any, pattern: Any, args: Any, kwargs: Any) -> Any:
        if not args:
            return _Warns(kinds, pattern, kwargs.get("msg"))
        with _Warns(kinds, pattern, None):
            args[0](*args[1:], **kwargs)
        return None


_LEFT_OUT = (
    "assertLogs", "assertNoLogs", "assertDictContainsSubset", "assertStartsWith", "assertNotStartsWith",
    "assertEndsWith", "assertNotEndsWith", "assertHasAttr", "assertNotHasAttr", "assertIsSubclass",
    "assertNotIsSubclass", "run", "debug", "countTestCases", "defaultTestResult", "failIf", "failUnlessEqual",
)  # fmt: skip


class IsolatedAsyncioTestCase(TestCase):
    async def asyncSetUp(self) -> None:
        pass

    async def asyncTearDown(self) -> None:
        pass

    def addAsyncCleanup(self, *args: Any, **kwargs: Any) -> None:
        _not_known()

    def _call(self, method: Any) -> None:
        import asyncio
        import inspect

        async def whole() -> None:
            await self.asyncSetUp()
            try:
                found = method()
                if inspect.isawaitable(found):
                    await found
            finally:
                await self.asyncTearDown()

        asyncio.run(whole())
