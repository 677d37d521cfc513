"""Functions whose result, or whose work, may be out of all proportion: bounded before they are called."""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.everyday_rules import NAMES, ZONE
from cwm_lsp.evaluate.values import GaveUp, Ticker, Unknown, defines, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Calls, Context
    from cwm_lsp.evaluate.runtime import Runtime


class Sizes:
    """The rules of functions that make, convert, compare and write out values."""

    interpreter: Context
    runtime: Runtime
    calls: Calls

    def native(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.calls.native(function, args, kwargs)

    def pow_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = {**dict(zip(("base", "exp", "mod"), args, strict=False)), **kwargs}
        numbers: list[Any] = [given.get("base"), given.get("exp"), given.get("mod")]
        base, exponent, modulus = numbers
        if modulus is None:
            self.interpreter.operations.check_power(base, exponent)
        sizes = [abs(value).bit_length() for value in numbers if is_a(value, int)]
        if len(sizes) > 2 and sizes[1] * max(sizes[0], sizes[2]) ** 2 > 10**11:
            raise GaveUp("a modular power is too large")
        return self.native(function, args, kwargs)

    def operator_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        check = self.interpreter.operations.checks.get(OPERATOR_CHECKS[function.__name__])
        if check is not None and len(args) == 2:
            check(*args)
        return self.native(function, args, kwargs)

    def whole(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Conversions that write a number out: bounds its exponent."""
        for value in [*args, *kwargs.values()]:
            if is_a(value, Decimal) and value.is_finite():
                self.runtime.allow_bits(abs(value.adjusted()) * 4)
            elif is_a(value, str) and function is Fraction:
                self.runtime.allow_bits(
                    max((int(item[:9]) for item in re.findall(r"[eE][+-]?(\d+)", value)), default=0) * 4
                )
        if function is int and len(args) + len(kwargs) > 1 and is_a(args[0] if args else None, str | bytes):
            self.runtime.allow_bits(len(args[0]) * 6)
        if function is round and len(args) + len(kwargs) > 1:
            digits = args[1] if len(args) > 1 else kwargs.get("ndigits")
            if is_a(digits, int):
                self.runtime.allow_bits(abs(digits or 0))
        return self.native(function, args, kwargs)

    def counted(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        for value in [*args[1:], *kwargs.values()]:
            if is_a(value, int):
                self.runtime.allow(value)
        return self.native(function, args, kwargs)

    def compared(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Comparisons that take time quadratic in what is compared."""
        sizes = [sum(map(len, value)) if type(value) is list and all(is_a(item, str) for item in value)
                 else len(value) for value in args if is_a(value, str | list | tuple)]  # fmt: skip
        if sum(sizes) > 4000 or (function is difflib.ndiff and math.prod(map(len, args[:2])) > 10_000):
            raise GaveUp("too much is compared")
        return self.native(function, args, kwargs)

    def factorial(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args and is_a(args[0], int) and args[0] > 4000:
            raise GaveUp("a factorial is too large")
        return self.native(function, args, kwargs)

    def choose(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        numbers = [abs(item) for item in args if is_a(item, int)]
        if numbers:
            self.runtime.allow_bits(min(numbers) * (max(numbers).bit_length() + 1))
        return self.native(function, args, kwargs)

    def normalized(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`unicodedata.normalize`: marks that follow each other are sorted by insertion, and a character may become
        eighteen."""
        for value in args[1:]:
            if type(value) is str and not value.isascii():
                self.runtime.allow(len(value) * (18 if "K" in str(args[0]) else 4))
                marks = map(len, "".join("x" if unicodedata.combining(one) else " " for one in value).split())
                if max(marks, default=0) > 2_000:
                    raise GaveUp("too many marks are to be put in order")
        return self.native(function, args, kwargs)

    def product(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        values = args[0] if len(args) == 1 else args
        if type(values) in self.runtime.classes or not defines(type(values), "__len__"):
            values = args[0] = list(iter(values)) if defines(type(values), "__iter__") else values
            values = values if is_a(values, list) else []
        self.runtime.allow(len(values))
        self.runtime.allow_bits(sum(item.bit_length() for item in values if is_a(item, int)))
        return self.native(function, args, kwargs)

    def packed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args and is_a(args[0], str):
            self.interpreter.operations.check_format(args[0])
        return self.native(function, args, kwargs)

    def sized(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        for value in [*args, *kwargs.values()]:
            self.runtime.allow(self.interpreter.operations.whole(value))
        return self.native(function, args, kwargs)

    def filled(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Functions of `textwrap`: what they put before every line counts for each."""
        texts = [value for value in [*args, *kwargs.values()] if is_a(value, str)]
        size = len(texts[0]) if texts else 0
        self.runtime.allow(size * (1 + sum(map(len, texts[1:]))) if size < 20_000 else 10**9)
        return self.native(function, args, kwargs)

    def measured(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Functions of `statistics`, which write numbers out as fractions."""
        for value in args:
            for item in value if is_a(value, list | tuple) else (value,):
                if is_a(item, Decimal) and item.is_finite():
                    self.runtime.allow_bits(abs(item.adjusted()) * 4)
        return self.native(function, args, kwargs)

    def texts(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A function that reads the standard input where it is given no text."""
        if not args or type(args[0]) is not str:
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    def settled(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A function that goes through what is inside of its arguments, and shows the order of sets."""
        for value in args:
            self.interpreter.operations.check_shown(value)
        return self.native(function, args, kwargs)

    def chained(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`chain.from_iterable`: what it chains may be sets."""
        if len(args) != 1 or kwargs:
            return function(*args, **kwargs)
        iterable = self.interpreter.operations.iterable
        items = self.interpreter.operations.iterator(args[0])
        if type(items) is Unknown:
            return items
        made = function(map(iterable, items))
        return self.runtime.ticker(made) if type(items) is Ticker else made

    def read(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`int.from_bytes`."""
        for value in args:
            if is_a(value, bytes | bytearray | list | tuple):
                self.runtime.allow_bits(8 * len(value))
        return self.native(function, args, kwargs)

    def parsed_time(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`datetime.strptime`, of what depends neither on the locale nor on the time zone."""
        if len(args) != 2 or not all(type(value) is str and len(value) < 200 for value in args):
            return self.runtime.unknown()
        if ZONE.search(args[1]) or NAMES.search(args[1]):
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    def dumps(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`json.dumps`, or the making of an encoder."""
        indent = kwargs.get("indent")
        if indent is not None:
            self.runtime.allow(10_000 * (len(indent) if is_a(indent, str) else int(indent)))
        encoder = kwargs.get("cls")
        if encoder is not None and not (encoder in self.runtime.classes and is_plain_encoder(encoder)):
            return self.runtime.unknown()
        if self.interpreter.operations.has_unknown(args):  # which would be one more object that it cannot write
            self.runtime.unknowing.may_call([*args, *kwargs.values()])
            return self.runtime.unknown()
        for value in args:
            self.written(value)
        return self.native(function, args, kwargs)

    def written(self, value: Any) -> None:
        """Bound the text that an encoder makes of a value."""
        self.interpreter.operations.check_shown(value)
        if is_a(value, str):
            self.runtime.allow(6 * len(value))

    def loaded(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`json.loads`, of text whose nesting CPython's own stack can take."""
        for value in args:
            if is_a(value, str | bytes | bytearray):
                text = value if is_a(value, str) else value.decode("latin-1")
                if text.count("[") + text.count("{") > 200 and deepest(text) > 200:
                    raise GaveUp("the text is nested too deeply")
        return self.native(function, args, kwargs)


def is_plain_encoder(kind: Any) -> bool:
    """Whether a class of the program is a JSON encoder that only has its own `default`."""
    return issubclass(kind, json.JSONEncoder) and all(
        getattr(kind, name) is getattr(json.JSONEncoder, name) for name in ("__init__", "encode", "iterencode")
    )


def deepest(text: str, opening: str = "[{", closing: str = "]}") -> int:
    """How deep brackets are nested at most, those in strings counted too."""
    depth = most = 0
    for character in text:
        if character in opening:
            depth += 1
            most = max(most, depth)
        elif character in closing:
            depth -= 1
    return most


OPERATOR_CHECKS = {
    prefix + name: symbol
    for name, symbol in {
        "mul": "Mult", "pow": "Pow", "lshift": "LShift", "mod": "Mod", "add": "Add", "concat": "Add", "sub": "Sub",
        "truediv": "Div", "floordiv": "FloorDiv",
    }.items()
    for prefix in ("", "i")
}  # fmt: skip
