"""What has changed in a value, told from its reprs: `items['POT'].stock 10 → 7`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cwm_lsp.lsp.views.container import Container, split_entry

_MOST = 3
"""Changes of one value beyond which they are not told one by one."""
_NAMED = re.compile(r"([^\W\d]\w*)=(?!=)")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a value that has changed."""

    path: str
    """From the value to the part: `.items['POT'].stock`."""
    before: str | None
    """None: there was no such part."""
    after: str


def changes(before: str, after: str) -> list[Change]:
    """The parts that have changed; none where they are many, or the value is not made of parts, or is another one."""
    found: list[Change] = []
    for change in _changes(before, after, "", 0):
        if change is None or not change.path or len(found) == _MOST:
            return []
        found.append(change)
    return found


def _changes(before: str, after: str, path: str, depth: int) -> Iterator[Change | None]:
    if before == after:
        return
    old, new = Container.of(before), Container.of(after)
    whole = Change(path, before, after)
    if old is None or new is None or old.prefix != new.prefix or depth == _DEEPEST:
        yield whole
        return
    old_parts, new_parts = _parts(old), _parts(new)
    if old_parts is None or new_parts is None or not old_parts.keys() <= new_parts.keys():
        yield whole
        return
    added = new_parts.keys() - old_parts.keys()
    if added and (not path or new.prefix in ("[", "(")):
        # Of what has grown the whole is told, and its new end seen, unless it is a part itself.
        yield whole
        return
    for key, value in new_parts.items():
        if key in added:
            yield Change(path + key, None, value)
        else:
            yield from _changes(old_parts[key], value, path + key, depth + 1)


def _parts(container: Container) -> dict[str, str] | None:
    """Its parts, by how they are reached from it; None where that cannot be told."""
    parts: dict[str, str] = {}
    for index, item in enumerate(container.items):
        if container.prefix == "{":
            key, colon, value = split_entry(item)
            if not colon:
                return None  # a set
            parts[f"[{key}]"] = value
        elif container.prefix in ("[", "("):
            parts[f"[{index}]"] = item
        elif named := _NAMED.match(item):
            parts[f".{named[1]}"] = item[named.end() :]
        elif len(container.items) == 1 and Container.of(item) is not None:
            parts[""] = item  # `deque([1, 2])`
        else:
            return None
    return parts if len(parts) == len(container.items) else None
