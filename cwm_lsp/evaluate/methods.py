"""Methods of builtin types whose result may be out of all proportion, or is not the same in every run."""

from __future__ import annotations

import array
import collections
import datetime
import difflib
import encodings.aliases
import json
import re
import textwrap
import types
from decimal import Decimal
from typing import Any

from cwm_lsp.evaluate import everyday_rules, library, rendering
from cwm_lsp.evaluate.everyday_rules import Everyday
from cwm_lsp.evaluate.reading_rules import Reading
from cwm_lsp.evaluate.sizes import Sizes
from cwm_lsp.evaluate.values import GaveUp, Undetermined, Unknown, defines, is_a


class Methods(Everyday, Reading, Sizes):
    """The rules of methods: each takes the object, its bound method and the arguments."""

    def encoded(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`JSONEncoder.encode` and `iterencode`."""
        for item in args:
            self.written(item)
        return self.native(function, args, kwargs)

    def decoded(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`JSONDecoder.decode` and `raw_decode`."""
        return self.loaded(function, args, kwargs)

    def wrapped(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Methods of a `TextWrapper`."""
        texts = [value.initial_indent, value.subsequent_indent, value.placeholder]
        return self.filled(function, args, {**kwargs}) if max(map(len, texts)) < 20 else self.runtime.unknown()

    def written_time(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`strftime`."""
        if len(args) != 1 or type(args[0]) is not str or len(args[0]) > 200:
            return self.runtime.unknown()
        if not self.may_write(args[0], zoned=getattr(value, "tzinfo", None) is not None):
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    def of_aware(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`datetime.astimezone` and `timestamp`, which without a time zone are of the machine's own."""
        zones = [*args, *kwargs.values()] if function.__name__ == "astimezone" else [value.tzinfo]
        if value.tzinfo is None or not zones or any(zone is None for zone in zones):
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    def padded(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args:
            self.runtime.allow(self.interpreter.operations.whole(args[0]))
        return self.native(function, args, kwargs)

    def expanded(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        size = args[0] if args else kwargs.get("tabsize", 8)
        size = self.interpreter.operations.whole(size)
        if size > 0:
            self.runtime.allow(value.count("\t" if is_a(value, str) else b"\t") * max(size, 0) + len(value))
        return self.native(function, args, kwargs)

    def replaced(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        texts = len(args) >= 2 and all(is_a(item, str | bytes | bytearray) for item in args[:2])
        if texts and len(args[1]) > 1 and (len(value) + 1) * len(args[1]) > 1000:
            self.runtime.allow(len(value) + value.count(args[0]) * len(args[1]))
        return self.native(function, args, kwargs)

    def joined(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) == 1 and not kwargs:
            items = args[0]
            if type(items) is set or type(items) is frozenset:
                items = self.interpreter.operations.iterable(items)
            if (
                type(items) is not list
                and type(items) is not tuple
                and type(items) is not str
                and defines(type(items), "__iter__")
            ):
                if type(items) is Unknown or is_a(value, bytearray):  # which cannot be changed while it is gone through
                    raise Undetermined
                items = list(iter(self.calls.safe(function, items)))  # its length is not asked for
            if is_a(items, list | tuple | str):
                size = len(items) * len(value)
                if size > 1000 or len(items) > 100:
                    self.runtime.allow(size + sum(len(item) for item in items if is_a(item, str | bytes)))
            args = [items]
        return self.native(function, args, kwargs)

    def translated(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args:
            if type(args[0]) not in (dict, str, list, tuple):
                raise Undetermined
            items = args[0].values() if is_a(args[0], dict) else args[0]
            longest = max((len(item) for item in items if is_a(item, str)), default=1)
            self.runtime.allow(len(value) * max(longest, 1))
        return self.native(function, args, kwargs)

    def formatted(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.interpreter.operations.attempt(
            lambda *given: self.interpreter.formats.format_string(value, *given, **kwargs), args
        )

    def formatted_map(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or not is_a(args[0], dict):
            raise Undetermined
        return self.interpreter.formats.format_mapped(value, args[0])

    def extended(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`extend`, by what has a length; everything else comes by way of iterators that are bounded."""
        for item in args:
            if defines(type(item), "__len__") and type(item) in rendering.SIZED_BUILTINS:
                self.runtime.allow(len(value) + len(item))
        return self.calls.native(function, list(map(self.interpreter.operations.ending, args)), kwargs, (value,))

    def searched(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`range.index` and `range.count`, which go through it for what is no integer."""
        if args and type(args[0]) not in (int, bool):
            self.runtime.allow(len(value[: self.runtime.limits.elements + 1]))
        return self.native(function, args, kwargs)

    def named_codec(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`str.encode` and `bytes.decode`, by the codecs that take time in proportion."""
        codec = args[0] if args else kwargs.get("encoding", "utf-8")
        if type(codec) is not str or codec.lower().replace("-", "_").replace(" ", "_") not in CODECS:
            raise Undetermined
        return self.native(function, args, kwargs)

    def expanded_match(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`Match.expand`."""
        if len(args) == 1 and is_a(args[0], str):
            self.runtime.allow(len(args[0]) * (1 + len(value.string)))
        return self.native(function, args, kwargs)

    def compared_again(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Methods of a `SequenceMatcher`."""
        sides = [side for side in (value.a, value.b, *args) if defines(type(side), "__len__")]
        if sum(map(len, sides)) > 4000:
            raise GaveUp("too much is compared")
        return self.native(function, args, kwargs)

    def popped(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`set.pop`."""
        if not args and len(value) > 1 and rendering.unordered(value):
            self.runtime.taint()
            chosen = rendering.ordered(value)[0]
            value.discard(chosen)
            return chosen
        return self.native(function, args, kwargs)

    def repeated(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`Counter.elements`."""
        self.runtime.allow(sum(item for item in value.values() if is_a(item, int) and item > 0))
        return self.native(function, args, kwargs)

    def closed(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`close` of a generator."""
        if args or kwargs:
            return function(*args, **kwargs)
        return self.interpreter.suspension.close(value)

    def thrown(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`throw` of a generator."""
        if not 1 <= len(args) <= 3 or kwargs:
            return function(*args, **kwargs)
        return self.interpreter.suspension.throw(value, tuple(args))

    def written_out(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`Decimal.as_integer_ratio`."""
        if value.is_finite():
            self.runtime.allow_bits(abs(value.adjusted()) * 4)
        return self.native(function, args, kwargs)


CODECS = frozenset(encodings.aliases.aliases) | frozenset(encodings.aliases.aliases.values())
CODECS -= library.words("idna punycode mbcs oem dbcs ansi uu uu_codec")
CODECS |= library.words("utf_8_sig unicode_escape raw_unicode_escape")
"""Those that every Python has and that take time in proportion to the text."""
METHOD_RULES: dict[tuple[type, str], str] = {
    **everyday_rules.METHOD_RULES,
    **{(kind, name): "padded" for kind in (str, bytes, bytearray) for name in ("center", "ljust", "rjust", "zfill")},
    **{(kind, "expandtabs"): "expanded" for kind in (str, bytes, bytearray)},
    **{(kind, "replace"): "replaced" for kind in (str, bytes, bytearray)},
    **{(kind, "join"): "joined" for kind in (str, bytes, bytearray)},
    **{(kind, "extend"): "extended" for kind in (list, bytearray, array.array, collections.deque)},
    **{(collections.deque, name): "extended" for name in ("extend", "extendleft")},
    **{(range, name): "searched" for name in ("index", "count")},
    **{(datetime_, "strftime"): "written_time" for datetime_ in (datetime.date, datetime.time, datetime.datetime)},
    **{(datetime.datetime, name): "of_aware" for name in ("astimezone", "timestamp")},
    **{(json.JSONEncoder, name): "encoded" for name in ("encode", "iterencode")},
    **{(json.JSONDecoder, name): "decoded" for name in ("decode", "raw_decode")},
    **{(textwrap.TextWrapper, name): "wrapped" for name in ("wrap", "fill")},
    **{
        (difflib.SequenceMatcher, name): "compared_again"
        for name in (
            "ratio",
            "quick_ratio",
            "real_quick_ratio",
            "get_opcodes",
            "get_matching_blocks",
            "get_grouped_opcodes",
            "find_longest_match",
            "set_seqs",
            "set_seq1",
            "set_seq2",
        )
    },
    (re.Match, "expand"): "expanded_match",
    (str, "encode"): "named_codec",
    (bytes, "decode"): "named_codec",
    (bytearray, "decode"): "named_codec",
    (str, "translate"): "translated",
    (types.GeneratorType, "close"): "closed",
    (types.GeneratorType, "throw"): "thrown",
    (str, "format"): "formatted",
    (str, "format_map"): "formatted_map",
    (set, "pop"): "popped",
    (int, "to_bytes"): "padded",
    (bool, "to_bytes"): "padded",
    (collections.Counter, "elements"): "repeated",
    (Decimal, "as_integer_ratio"): "written_out",
}
