"""A trace as a tree: the events of one call, and the calls made from it as one element each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from cwm_lsp.trace.events import Trace

_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
RETURN = ("return", None)
EXCEPTION = ("exception", None)


@dataclass(slots=True)
class Call:
    """One call of a scope and what happens in it."""

    index: int
    """Of its `call` event; -1 for what is around the traced call."""
    items: list[Item] = field(default_factory=list)
    is_cut: bool = True
    """It has not been left when the trace ends."""

    @property
    def unwinds(self) -> bool:
        return bool(self.items) and self.items[-1].unwinds


@dataclass(slots=True)
class Item:
    """An element of a call: an event of its own, or a call made from it."""

    key: tuple[str, object]
    index: int
    call: Call | None = None
    unwinds: bool = False
    """A `return` by which an exception leaves."""
    comprehensions: list[Call] = field(default_factory=list)
    """Those that ran before the next item."""


def tree(trace: Trace) -> Call:
    """The calls of a trace, inside one that stands for what is around it."""
    is_cut = trace.outcome.is_cut
    root = Call(-1, is_cut=is_cut)
    stack = [root]

    def enter(index: int, function: str) -> None:
        call = Call(index, is_cut=is_cut)
        stack[-1].items.append(Item(("call", function), index, call))
        stack.append(call)

    for index, event in enumerate(trace.events):
        if event.mark is not None and "cut off" in event.mark:
            continue
        around = event.depth + (1 if event.kind == "call" else 2)
        del stack[max(1, around) :]
        while len(stack) < around:  # a call is missing
            enter(index, event.function)
        items = stack[-1].items
        if event.kind == "call":
            enter(index, event.function)
        elif event.kind == "line":
            items.append(Item(("line", event.line), index))
        elif event.kind == "exception":
            items.append(Item(EXCEPTION, index))
        else:
            items.append(Item(RETURN, index, unwinds=_unwinds(trace, index, items)))
            stack.pop().is_cut = False
    return root


def _unwinds(trace: Trace, index: int, items: Sequence[Item]) -> bool:
    event = trace.events[index]
    if event.value not in (None, "None"):
        return False
    if items and items[-1].key == EXCEPTION:
        return True
    if event.depth == 0:
        return index == len(trace.events) - 1 and trace.outcome.kind == "exception"
    # Through a `finally`: the caller reports what has been reported here.
    after = trace.events[index + 1] if index + 1 < len(trace.events) else event
    return after.kind == "exception" and any(
        trace.events[item.index].value == after.value for item in items if item.key == EXCEPTION
    )


def prepared(left: Call, right: Call, inlined: Mapping[int, int]) -> tuple[list[Item], list[Item]]:
    """The items to align: without comprehensions, which some interpreters run as a part of the code around them."""
    if any(map(_is_comprehension, left.items)) == any(map(_is_comprehension, right.items)):
        return _without_comprehensions(left.items), _without_comprehensions(right.items)
    return list(_with_inlined(left.items, inlined)), list(_with_inlined(right.items, inlined))


def _is_comprehension(item: Item) -> bool:
    return item.call is not None and item.key[1] in _COMPREHENSIONS


def _without_comprehensions(items: Sequence[Item]) -> list[Item]:
    result: list[Item] = []
    for item in items:
        if item.call is None or not _is_comprehension(item):
            result.append(item)
        elif result:
            result[-1].comprehensions.append(item.call)
        else:  # resumed, as it awaits something
            result.append(item)
    return result


def _with_inlined(items: Sequence[Item], inlined: Mapping[int, int]) -> Iterator[Item]:
    """`items` as if comprehensions had neither scopes nor lines of their own, on both sides."""
    running: int | None = None
    for item in items:
        if item.call is not None and _is_comprehension(item):
            yield from (inner for inner in _with_inlined(item.call.items, inlined) if inner.call is not None)
            continue
        if item.key[0] == "line":
            was_running, running = running, inlined.get(cast(int, item.key[1]))
            if running is not None and running == was_running:
                continue
            yield item if running is None else replace(item, key=("line", running))
        else:
            if item.call is None:
                running = None
            yield item
