"""Shapes of the types of Python's library: what their constructors take."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping

from cwm_lsp.search.shapes import BYTES, INT, STR, Fixed, Guess, Instance, OneOf, Shape
from cwm_lsp.search.values import Made, Text

Naming = Callable[[str, str], str]
"""What a file writes for a name of a module: (`datetime`, `timezone`) → `dt.timezone`."""

_YEARS = Fixed((2024, 2023, 1970, 2000, 1, 9999))
_MONTHS = Fixed((1, 2, 12, *range(3, 12)))
_DAYS = Fixed((1, 28, *range(2, 28)))
_HOURS = Fixed((0, 12, 23, *range(1, 12), *range(13, 23)))
_SIXTIETHS = Fixed((0, 30, 59, *range(1, 30), *range(31, 59)))
_TEXTS = Fixed(("a/b.txt", "", "/", "..", "a", "/a/b/c"))
_PATHS = ("Path", "PurePath", "PurePosixPath", "PosixPath")
_TEXT_STREAMS = ("io.StringIO", "io.TextIOBase", "io.TextIOWrapper", "typing.TextIO", "typing.IO")
_BYTE_STREAMS = (
    "io.BytesIO", "io.RawIOBase", "io.BufferedIOBase", "io.BufferedReader", "io.IOBase", "io.FileIO", "typing.BinaryIO",
)  # fmt: skip
_DATES = ((2024, 1, 31), (2024, 2, 29), (2023, 12, 31), (1, 1, 1), (9999, 12, 31))
_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "uuid.UUID": ("12345678-1234-5678-1234-567812345678", "9b2d6d2e-1c4f-4e7a-8f3b-0a1b2c3d4e5f", "0" * 32),
    "ipaddress.IPv4Address": ("127.0.0.1", "8.8.8.8", "10.0.0.1", "255.255.255.255", "224.0.0.1"),
    "ipaddress.IPv6Address": ("::1", "2001:db8::1", "fe80::1", "::", "::ffff:1.2.3.4"),
    "ipaddress.IPv4Network": ("10.0.0.0/8", "192.168.0.0/24", "8.8.8.8/32", "0.0.0.0/0"),
    "ipaddress.IPv6Network": ("2001:db8::/32", "::/0", "::1/128"),
}


def library_shape(full: str, callee: str, naming: Naming) -> Shape | None:
    """The values of a class of the library by its full name, None where none can be made up; `callee` is what makes
    them in the file, and `naming` tells of others."""
    module, _, name = full.rpartition(".")
    match full:
        case "datetime.date":
            return OneOf((_made(callee, _DATES), Instance(callee, (_YEARS, _MONTHS, _DAYS))))
        case "datetime.datetime":
            parts = (_YEARS, _MONTHS, _DAYS, _HOURS, _SIXTIETHS, _SIXTIETHS)
            zone = Fixed((Text(f"{naming('datetime', 'timezone')}.utc"),))
            moments = ((2024, 1, 31, 12, 30), (2024, 2, 29), (2023, 12, 31, 23, 59, 59), (1, 1, 1))
            made = Instance(callee, parts, (("tzinfo", zone),), frozenset({"tzinfo"}))
            return OneOf((_made(callee, moments), made))
        case "datetime.time":
            return Instance(callee, (_HOURS, _SIXTIETHS, _SIXTIETHS))
        case "datetime.timedelta":
            named = (("days", INT), ("seconds", INT))
            spans = ((0,), (1,), (-1,), (0, 3600), (400,))
            return OneOf((_made(callee, spans), Instance(callee, (), named, frozenset({"days", "seconds"}))))
        case "decimal.Decimal":
            texts = Fixed(("0", "1", "-1", "1.5", "0.10", "1E+3", "NaN", "Infinity"))
            return Instance(callee, (OneOf((texts, INT)),))
        case "fractions.Fraction":
            return Instance(callee, (INT, Fixed((1, 2, 3, 7, *range(4, 7), *range(8, 13)))))
        case "array.array":
            return _made(callee, (("i", [1, 2, 3]), ("i",), ("i", [0]), ("d", [0.5])))
    if module == "pathlib" and name in _PATHS:
        return Instance(callee, (OneOf((_TEXTS, STR)),))
    if full in _TEXT_STREAMS:
        return Instance(callee if name == "StringIO" else naming("io", "StringIO"), (STR,))
    if full in _BYTE_STREAMS:
        return Instance(callee if name == "BytesIO" else naming("io", "BytesIO"), (BYTES,))
    if full in _ADDRESSES:
        return _made(callee, tuple((text,) for text in _ADDRESSES[full]))
    return None


def builtin_shape(name: str) -> Shape | None:
    """The values of a builtin class that is no usual type: views of bytes, exceptions with some that inherit from
    them."""
    if name == "memoryview":
        return Instance(name, (BYTES,))
    kind = vars(builtins).get(name)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, UnicodeError):
        return Instance("ValueError", (STR,)) if name == "BaseException" else None
    usual = (
        "ValueError",
        "KeyError",
        "TypeError",
        "IndexError",
        "TimeoutError",
        "PermissionError",
        "ZeroDivisionError",
    )
    below = [one for one in usual if one != name and issubclass(vars(builtins)[one], kind)]
    return OneOf(tuple(Instance(one, (STR,)) for one in (name, *below)))


def stream_of(read: bytes | str, naming: Naming) -> Shape:
    """A file that is in memory, of bytes or of text."""
    is_bytes = isinstance(read, bytes)
    return Guess(Instance(naming("io", "BytesIO" if is_bytes else "StringIO"), (BYTES if is_bytes else STR,)))


def _made(callee: str, rows: tuple[tuple[object, ...], ...]) -> Shape:
    return Fixed(tuple(Made(callee, row) for row in rows))
