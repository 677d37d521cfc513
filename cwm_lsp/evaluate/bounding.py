"""What operators would make, bounded before they make it."""

from __future__ import annotations

import collections
import re
from array import array
from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cwm_lsp.evaluate import rendering
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.machine import SMALL
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.values import GaveUp, TooMuch, Undetermined, defines, is_a

SEQUENCE_BASES = (str, list, tuple, bytes, bytearray, deque, array)
SHORT = 10_000
"""Characters of a text that is made without asking whether there is room for it."""
WIDTH = re.compile(r"\d{4,}")
"""A width or precision that deserves a closer look."""
MANY = 2_000
"""Values with the same hash in one table."""
HELD: frozenset[type] = frozenset({list, tuple, set, frozenset, dict})
HASHED: frozenset[type] = frozenset({int, float, complex, Fraction, Decimal})
"""Types of values whose hashes are small numbers, which a program can choose."""


class Bounding:
    """The bounds of operations."""

    runtime: Runtime

    def check_sum(self, a: Any, b: Any) -> None:
        if is_a(a, SEQUENCE_BASES):
            size = length(a) + (length(b) if is_a(b, SEQUENCE_BASES) else 0)
            if size > self.runtime.limits.elements:
                self.runtime.allow(size)
        else:
            self.check_fractions(a, b)

    def check_fractions(self, a: Any, b: Any) -> None:
        """Bound the result of arithmetic with fractions."""
        if is_a(a, Fraction) or is_a(b, Fraction):
            self.runtime.allow_bits(bits(a) + bits(b))

    def check_product(self, a: Any, b: Any) -> None:
        if is_a(a, int) and is_a(b, int):
            if not (-(2**64) < a < 2**64 and -(2**64) < b < 2**64):
                self.runtime.allow_bits(a.bit_length() + b.bit_length())
            return
        self.check_fractions(a, b)
        if is_a(b, SEQUENCE_BASES):
            a, b = b, a
        if is_a(a, SEQUENCE_BASES):
            self.runtime.allow(self.whole(b) * length(a))

    def whole(self, value: Any) -> int:
        """A number that says how large something gets; raises `Undetermined` for one that a class of the file gives."""
        if is_a(value, int):
            return int(value)
        if defines(type(value), "__index__"):
            raise Undetermined
        return 0

    def check_power(self, a: Any, b: Any) -> None:
        if is_a(a, Fraction):
            self.check_power(a.numerator, b)
            self.check_power(a.denominator, b)
            return
        if is_a(b, Fraction) and b.denominator == 1:
            b = b.numerator
        if is_a(a, int) and is_a(b, int) and a not in (0, 1, -1):
            self.runtime.allow_bits(a.bit_length() * abs(b))

    def check_shift(self, a: Any, b: Any) -> None:
        if is_a(a, int) and is_a(b, int) and a:
            self.runtime.allow_bits(a.bit_length() + b)

    def check_percent(self, a: Any, b: Any) -> None:
        if is_a(a, str | bytes | bytearray):
            text = a if is_a(a, str) else a.decode("latin-1")
            self.check_format(text)
            values = list(b.values()) if is_a(b, dict) else list(b) if is_a(b, tuple) else [b]
            if "*" in text:
                self.runtime.allow(max((abs(value) for value in values if is_a(value, int)), default=0))
            for value in values:
                self.check_shown(value)
            size = sum(len(value) for value in values if is_a(value, str | bytes | bytearray))
            if size > SMALL:
                self.runtime.allow(size * (text.count("%(") or 1))

    def check_format(self, spec: str) -> None:
        """Bound the widths and precisions in a format."""
        for number in WIDTH.findall(spec):
            self.runtime.allow(int(number[:12]))

    def check_shown(self, value: Any) -> None:
        """Bound, and know, the text of a value before it is made."""
        if is_a(value, Decimal) and value.is_finite():
            self.runtime.allow_bits(abs(value.adjusted()) * 4)
        if type(value) in rendering.ATOMS:
            return
        renderer = self.runtime.rendering
        renderer.shuffled = False
        renderer.measure(value, [rendering.NODES], set())
        self.runtime.touchable((value,))
        if renderer.shuffled:
            self.runtime.taint()

    def check_nesting(self, *values: Any, once: bool = False) -> None:
        """Bound what comparing, hashing or copying values goes through: how much there is, and how deep; `once` if it
        remembers what it has come by."""
        left = 10 * rendering.NODES
        seen: set[int] = set()
        inside = self.runtime.inside
        for value in values:
            level = [value] if type(value) not in rendering.ATOMS else []
            for _ in range(100):
                below: list[Any] = []
                for outer in level:
                    kind: Any = type(outer)
                    equal = kind.__eq__ if kind in self.runtime.classes else None
                    if equal is not None and (is_identity(equal) or type(equal) in self.runtime.classes):
                        continue
                    items = inside(outer)
                    if not rendering.ATOMS.issuperset(map(type, items)):
                        below += [item for item in items if type(item) not in rendering.ATOMS and id(item) not in seen]
                        if once:
                            seen.update(map(id, below))
                        if len(below) > left:
                            raise TooMuch("a value is too large to go through")
                left -= len(below)
                level = below
                if not level:
                    break
            else:
                raise GaveUp("a value is nested too deeply to go through")

    def check_hashes(self, value: Any) -> None:
        """Bound how many of the values that are put into a hash table get in each other's way."""
        if type(value) in HELD and len(value) > MANY:
            hashes = collections.Counter(hash(item) for item in value if type(item) in HASHED)
            if max(hashes.values(), default=0) > MANY:
                raise GaveUp("too many values have the same hash")


def length(value: Any) -> int:
    """How long a sequence is; a `__len__` of the file is not asked."""
    return next(int(base.__len__(value)) for base in SEQUENCE_BASES if is_a(value, base))


def bits(value: Any) -> int:
    """Bits of the integers that make up a number."""
    if is_a(value, Fraction):
        return int(value.numerator.bit_length() + value.denominator.bit_length())
    return int(value.bit_length()) if is_a(value, int) else 0


def is_identity(equal: Any) -> bool:
    """Whether comparing instances looks at nothing inside them, or runs a function of the file."""
    return equal is object.__eq__ or body_of(equal) is not None
