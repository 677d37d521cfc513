"""Formatting: f-strings, `format`, `str.format`, bounded in width and without attribute access of its own."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date, time
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import rendering
from cwm_lsp.evaluate.values import Addressed, Undetermined, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

CONVERSIONS: dict[int, Callable[[Any], str] | None] = {-1: None, 115: str, 114: repr, 97: ascii}


def conversion(code: int) -> Callable[[Any], str] | None:
    """The function behind `!s`, `!r`, `!a`."""
    return CONVERSIONS[code]


class Formats:
    """Formatting of one evaluation."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def shown(self, value: Any, convert: Callable[[Any], str]) -> str:
        """`str(value)`, `repr(value)` or `ascii(value)` for a program's own use."""
        if type(value) in rendering.ATOMS:
            return convert(value)
        self.interpreter.operations.check_shown(value)
        runtime, renderer = self.runtime, self.runtime.rendering
        runtime.at_most = 2 if convert is repr and type(value) in runtime.classes else None
        try:
            plain = renderer.shuffled and type(value) in rendering.PLAIN
            text = renderer.render(value) if plain else convert(value)
        finally:
            runtime.at_most = None
        renderer.without_address(text)
        if " object>" in text or text.startswith("<function "):
            raise Addressed
        return text

    def formatted(self, value: Any, spec: str, convert: Callable[[Any], str] | None = None) -> str:
        """`format(value, spec)` after an optional conversion."""
        if convert is not None:
            try:
                value = self.shown(value, convert)
            except Addressed:
                if spec:  # which may not suit a text
                    raise Undetermined from None
                raise
        self.interpreter.operations.check_format(spec)
        if type(value) in rendering.ATOMS:
            return format(value, spec)
        kind: Any = type(value)
        if kind.__format__ is object.__format__:
            if spec:
                return format(value, spec)
            return self.shown(value, str)
        if is_a(value, date | time) and not self.interpreter.calls.rules.may_write(spec):
            raise Undetermined
        self.interpreter.operations.check_shown(value)
        return format(value, spec)

    def format_string(self, template: str, /, *args: Any, **kwargs: Any) -> str:
        """`template.format(*args, **kwargs)`."""
        try:
            return self._format(template, args, kwargs, [0], 2)
        except Addressed:  # what comes after it may fail
            raise Undetermined from None

    def format_mapped(self, template: str, mapping: Any) -> str:
        """`template.format_map(mapping)`."""
        return self._format(template, None, mapping, [0], 2)

    def _format(self, template: str, args: tuple[Any, ...] | None, kwargs: Any, auto: list[Any], depth: int) -> str:
        if depth <= 0:
            raise ValueError("Max string recursion exceeded")
        parts = []
        for text, field, spec, convert in string.Formatter().parse(template):
            parts.append(text)
            if field is None:
                continue
            value = self.field(field, args, kwargs, auto)
            if spec and "{" in spec:
                spec = self._format(spec, args, kwargs, auto, depth - 1)
            if convert not in (None, "s", "r", "a"):
                shown = convert if " " < convert < "\x7f" else f"\\x{ord(convert):x}"
                raise ValueError(f"Unknown conversion specifier {shown}")
            parts.append(self.formatted(value, spec or "", CONVERSIONS[ord(convert) if convert else -1]))
        result = "".join(parts)
        self.runtime.allow(len(result))
        return result

    def field(self, field: str, args: tuple[Any, ...] | None, kwargs: Any, auto: list[Any]) -> Any:
        """The value that a replacement field names."""
        import _string  # type: ignore[import-not-found]

        first, rest = _string.formatter_field_name_split(field)
        if first == "":
            if auto[0] is None:
                raise ValueError("cannot switch from manual field specification to automatic field numbering")
            first = auto[0]
            auto[0] += 1
        elif isinstance(first, int):
            if auto[0]:
                raise ValueError("cannot switch from automatic field numbering to manual field specification")
            auto[0] = None
        if isinstance(first, int):
            if args is None:
                raise ValueError("Format string contains positional fields")
            if first >= len(args):
                raise IndexError(f"Replacement index {first} out of range for positional args tuple")
            value = args[first]
        else:
            value = kwargs[first]
        for is_attribute, name in rest:
            if is_attribute:
                value = self.interpreter.attributes.get(value, name)
            else:
                value = self.interpreter.operations.subscript(value, name)
        return value
