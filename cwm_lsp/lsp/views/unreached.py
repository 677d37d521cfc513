"""The lines that a call passes by: branches not taken. Only facts tell that; a guess dims nothing."""

from __future__ import annotations

import ast

from cwm_lsp.source.flow import Flow, Scope
from cwm_lsp.source.recovery import parse, split_lines
from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.facts import facts, is_fact, open_calls


def unreached(trace: Trace) -> list[int]:
    """1-based lines that never run, of the functions that the trace enters.

    Where a trace is cut off or guesses begin, lines that may still come are not among them: those are only lines of the
    traced function that nothing leads to any more.
    """
    flow = Flow.of(_excerpt(trace.source, {event.line for event in trace.events}))
    known = trace.events[: facts(trace)]
    entered = {(event.line, event.function) for event in known if event.kind == "call"}
    lines = {line for first, name in entered for scope in _scopes(flow, first, name) for line in scope.lines}
    lines -= {event.line for event in trace.events}
    return sorted(lines if is_fact(trace) and trace.outcome.cut is None else lines & _passed(flow, known))


def _excerpt(source: str, lines: set[int]) -> str:
    """A file's text without the functions and classes that have none of the lines; all else stands where it stood.

    To compile all of a large file for the sake of one function would take long.
    """
    kept = list(split_lines(source))
    for node in parse(source).module or []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            extent = range(first, (node.end_lineno or first) + 1)
            if lines.isdisjoint(extent):
                kept[first - 1 : extent.stop - 1] = [""] * len(extent)
    return "\n".join(kept)


def _passed(flow: Flow, known: tuple[Event, ...]) -> set[int]:
    """Lines of the traced function that cannot come any more in this call of it."""
    opened = open_calls(known)
    here = [event for event in known if event.kind == "line" and event.depth == 0]
    if not opened or not here:
        return set()
    first = known[0]
    if any(event.kind == "call" and event.function == first.function for event in known[1:]):
        return set()  # it recurses: what this call has passed, another may still reach
    passed: set[int] = set()
    for scope in _scopes(flow, first.line, first.function):
        passed |= scope.lines - _reachable(flow, scope, here[-1].line)
    return passed


def _reachable(flow: Flow, scope: Scope, line: int) -> set[int]:
    seen: set[int] = set()
    todo = [line]
    while todo:
        at = todo.pop()
        for after in (*flow.successors(scope, at), *flow.after_exception(scope, at)):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return seen


def _scopes(flow: Flow, line: int, name: str) -> list[Scope]:
    return [scope for scope in flow.starting_at(line) if scope.name == name]
