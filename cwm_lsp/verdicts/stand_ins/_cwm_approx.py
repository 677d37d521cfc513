"""`pytest.approx`: numbers, and sequences and mappings of them. Arrays are not known."""

from __future__ import annotations

from decimal import Decimal
from numbers import Complex
from typing import Any

_not_known: Any = input
"""Something that is not known."""


class _Approx:
    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:
        self.expected = expected
        self.rel = rel
        self.abs = abs
        self.nan_ok = nan_ok

    def __ne__(self, actual: Any) -> bool:
        return not (actual == self)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("approx() is not supported in a boolean context.")

    def _one(self, expected: Any) -> Any:
        if isinstance(expected, Decimal):
            return ApproxDecimal(expected, self.rel, self.abs, self.nan_ok)
        return ApproxScalar(expected, self.rel, self.abs, self.nan_ok)


class ApproxScalar(_Approx):
    default_abs: Any = 1e-12
    default_rel: Any = 1e-6

    def __eq__(self, actual: Any) -> bool:
        if _is_array(actual):
            return bool(_not_known())
        expected = self.expected
        if isinstance(expected, bool) and not isinstance(actual, bool):
            return False
        if actual == expected:
            return True
        if isinstance(expected, bool) or not (
            isinstance(expected, Complex | Decimal) and isinstance(actual, Complex | Decimal)
        ):
            return False
        if expected != expected:
            return self.nan_ok and actual != actual
        if abs(expected) == float("inf"):
            return False
        return bool(abs(expected - actual) <= self.tolerance)

    __hash__ = None

    @property
    def tolerance(self) -> Any:
        absolute = self.default_abs if self.abs is None else self.abs
        if absolute < 0:
            raise ValueError(f"absolute tolerance can't be negative: {absolute}")
        if absolute != absolute:
            raise ValueError("absolute tolerance can't be NaN.")
        if self.rel is None and self.abs is not None:
            return absolute
        relative = (self.default_rel if self.rel is None else self.rel) * abs(self.expected)
        if relative < 0:
            raise ValueError(f"relative tolerance can't be negative: {relative}")
        if relative != relative:
            raise ValueError("relative tolerance can't be NaN.")
        return max(relative, absolute)

    def __repr__(self) -> str:
        if not isinstance(self.expected, Complex | Decimal) or isinstance(self.expected, bool):
            return repr(self.expected)
        if isinstance(self.expected, complex) or abs(self.expected) == float("inf"):
            return str(_not_known())
        tolerance = self.tolerance
        shown = f"{tolerance:g}" if 1e-3 <= tolerance < 1e3 else f"{tolerance:.1e}"
        return f"{self.expected} ± {shown}"


class ApproxDecimal(ApproxScalar):
    default_abs = Decimal("1e-12")
    default_rel = Decimal("1e-6")

    def __repr__(self) -> str:
        return str(_not_known())


class ApproxSequence(_Approx):
    def __eq__(self, actual: Any) -> bool:
        if _is_array(actual):
            return bool(_not_known())
        try:
            if len(actual) != len(self.expected):
                return False
        except TypeError:
            return False
        return all([one == self._one(other) for one, other in zip(actual, self.expected)])  # noqa: B905

    __hash__ = None

    def __repr__(self) -> str:
        if not isinstance(self.expected, list | tuple):
            return str(_not_known())
        items = ", ".join([repr(self._one(one)) for one in self.expected])
        return f"approx([{items}])" if isinstance(self.expected, list) else f"approx(({items}))"


class ApproxMapping(_Approx):
    def __eq__(self, actual: Any) -> bool:
        try:
            if set(actual.keys()) != set(self.expected.keys()):
                return False
        except AttributeError:
            return False
        return all([actual[key] == self._one(value) for key, value in self.expected.items()])

    __hash__ = None

    def __repr__(self) -> str:
        items = ", ".join([f"{key!r}: {self._one(value)!r}" for key, value in self.expected.items()])
        return "approx({" + items + "})"


def _is_array(value: Any) -> bool:
    return hasattr(type(value), "__array__") or hasattr(type(value), "__array_interface__")


def approx(expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> Any:
    kind: Any = ApproxScalar
    if _is_array(expected):
        kind = _not_known()
    elif isinstance(expected, Decimal):
        kind = ApproxDecimal
    elif hasattr(expected, "keys") and hasattr(expected, "__getitem__"):
        _check_nested(expected.values(), dict)
        kind = ApproxMapping
    elif hasattr(expected, "__getitem__") and hasattr(expected, "__len__") and not isinstance(expected, str | bytes):
        _check_nested(expected, type(expected))
        kind = ApproxSequence
    elif isinstance(expected, set | frozenset):
        _not_known()
    return kind(expected, rel, abs, nan_ok)


def _check_nested(values: Any, kind: Any) -> None:
    for value in values:
        if isinstance(value, kind):
            raise TypeError("pytest.approx() does not support nested data structures")
