"""Values that need no look: how long their texts are at most, and whether these are still the same.

Standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import types
from marshal import dumps
from typing import Any

NONE = type(None)
ATOMS = frozenset({NONE, bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented)})
"""Types whose values never change, so that the same object has the same text."""
SHORT = ATOMS - {int, str, bytes}
COMPARABLE = frozenset({list, tuple, dict})
"""Types that may have a fingerprint."""
FLAT = frozenset({list, tuple})
SEQUENCES = frozenset({list, tuple, set, frozenset})
OPAQUE = frozenset(
    {
        type,
        types.FunctionType,
        types.BuiltinFunctionType,
        types.GeneratorType,
        types.CoroutineType,
        types.AsyncGeneratorType,
        types.CodeType,
        types.FrameType,
        types.TracebackType,
        type(iter([])),
        type(iter(())),
        type(iter({})),
        type(iter({}.values())),
        type(iter({}.items())),
        type(iter(set())),
        type(iter("")),
        type(iter(range(0))),
        range,
    }
)
"""Types whose C `repr` runs no code of the user's; an address in it is left out."""
STABLE = OPAQUE - {type, types.FunctionType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType}
"""Of those whose text never changes: no name in it can be."""
BIG = 10**18
"""The `repr` of smaller integers costs little."""
DEEPEST = 60
MOST_ITEMS = 4_096
NESTED = b"n"


def fingerprint(value: Any) -> bytes | None:
    """What tells quickly whether a list, tuple or dict still has the same text; None where only the text itself does.

    There is one for atoms, and lists and tuples of atoms, in it: marshalling tells exact builtin types apart, and so
    flat a value costs no more than its items. With inner ones it begins with `NESTED`: these may change by themselves.
    """
    items = (*value, *value.values()) if type(value) is dict else value
    if len(items) > MOST_ITEMS:
        return None
    flat = ATOMS.issuperset(map(type, items))
    if not flat:
        inner = [item for item in items if type(item) not in ATOMS]
        if not FLAT.issuperset(map(type, inner)) or sum(map(len, inner)) > MOST_ITEMS:
            return None
        if not all(ATOMS.issuperset(map(type, item)) for item in inner):
            return None
    try:
        return dumps(value, 2) if flat else NESTED + dumps(value, 2)
    except ValueError:  # `NotImplemented`
        return None


def room_left(value: Any, room: int, depth: int) -> int:
    """Characters of `room` left after the text of a container of exact builtins; negative where it is not one.

    An upper estimate, so that what fits here may be given to C's `repr` at once.
    """
    kind = type(value)
    length = len(value)
    room -= 2 * length + 2
    if room < 0 or depth > DEEPEST:
        return -1
    if kind is dict:
        room = _room_of(value, room, depth)
        return room if room < 0 else _room_of(value.values(), room, depth)
    return _room_of(value, room, depth)


def _room_of(items: Any, room: int, depth: int) -> int:
    for item in items:
        kind = type(item)
        if kind is int:
            if not -BIG < item < BIG:
                return -1
            room -= 20 if item > 999_999 or item < -99_999 else 6
        elif kind is str or kind is bytes:
            room -= len(item) + 2
        elif kind in SHORT:
            room -= 25
        elif kind in SEQUENCES or kind is dict:
            room = room_left(item, room, depth + 1)
        else:
            return -1
        if room < 0:
            return -1
    return room
