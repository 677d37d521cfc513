"""Control flow at the granularity of `sys.settrace`: which lines may follow which, and what happens between them.

The text is compiled, never run, and its byte code read: the interpreter reports a `line` before an instruction whose
line differs from that of the one before it, or that a jump backwards leads to. So the exits of `with`, the copies of
`finally` blocks, loop headers at exhaustion and the lines of a multi-line statement come out as it reports them.

`Flow` answers by line. `Position` is the same as an automaton: where a call of a scope stands after its events so far.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import CodeType
from typing import Literal

from cwm_lsp.source.bytecode import (
    NO_EFFECT,
    Effect,
    Graph,
    LineInfo,
    Seed,
    Segment,
    inner_codes,
    parameters,
    parse,
    rebound_outside,
    scope_name,
)
from cwm_lsp.source.functions import functions
from cwm_lsp.source.recovery import split_lines

ScopeKind = Literal["function", "lambda", "comprehension", "genexpr", "class"]
Phase = Literal["called", "line", "raised", "suspended", "resumed"]

_NOTHING = Segment({}, {}, {}, set(), False)
_NO_LINE = LineInfo()
_RUN_BY_CREATION = {"__init__", "__new__", "__post_init__", "__call__"}


class Flow:
    """The scopes of one file. A file that does not parse has those of its functions that do."""

    def __init__(self, source: str) -> None:
        self.scopes: tuple[Scope, ...] = tuple(_scopes(source))
        """Functions, lambdas, comprehensions, generator expressions and class bodies, each before those inside it."""
        self._by_line: dict[int, list[Scope]] = {}
        for scope in self.scopes:
            for line in {scope.first_line, scope.def_line}:
                self._by_line.setdefault(line, []).append(scope)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(source: str) -> Flow:
        """The flow of a file's text, remembered."""
        return Flow(source)

    def starting_at(self, line: int) -> tuple[Scope, ...]:
        """Scopes whose `call` event, or `def` where it is decorated, is at `line`."""
        return tuple(self._by_line.get(line, ()))

    def scope(self, qualname: str) -> Scope | None:
        """The scope of that qualified name; the last one, as a later definition hides an earlier one."""
        return next((scope for scope in reversed(self.scopes) if scope.qualname == qualname), None)

    def successors(self, scope: Scope, line: int | None) -> frozenset[int]:
        """Lines that the next `line` event of the same call may have, after `line` (None: after its `call` event).

        The call may have been suspended at `line` in between.
        """
        if line is None:
            return frozenset(scope.entry.lines)
        return frozenset((*scope.at(line).lines, *scope.resumed_at(line).lines))

    def after_exception(self, scope: Scope, line: int) -> frozenset[int]:
        """The same after an `exception` event at `line`: handlers, `finally` blocks, exits of `with`."""
        return frozenset((*scope.at(line).raised().lines, *scope.resumed_at(line).raised().lines))

    def callees(self, scope: Scope, line: int) -> tuple[Scope, ...]:
        """Scopes that may be called while `line` of `scope` runs, the likeliest first.

        Those written on the line, functions that it names, then whatever a call through a variable, an operator, an
        iteration or the end of an object's life may reach.
        """
        info = scope.line_info(line)

        def rank(callee: Scope) -> int | None:
            if callee.kind in ("comprehension", "class"):
                return 0 if callee.code in info.codes else None
            if callee.code in info.codes and info.runs_code:
                return 1
            owner = callee.parent.name if callee.parent and callee.parent.kind == "class" else None
            if callee.name in info.names or (owner in info.names and callee.name in _RUN_BY_CREATION):
                return 1 if info.runs_code else None
            if callee.is_generator:
                return 2
            if info.calls:
                return 3
            is_special = callee.name.startswith("__") or callee.is_decorated or callee.kind == "lambda"
            return 4 if is_special and (info.runs_code or callee.name == "__del__") else None

        ranks = ((rank(callee), callee) for callee in self.scopes)
        return tuple(callee for _, callee in sorted((r for r in ranks if r[0] is not None), key=lambda r: r[0] or 0))


@dataclass(frozen=True, eq=False)
class Scope:
    """One code object."""

    name: str
    """`co_name`: `f`, `<lambda>`, `<listcomp>`."""
    qualname: str
    """`outer.inner`, `Stack.push`, `f.<listcomp>`."""
    kind: ScopeKind
    first_line: int
    """Line of the `call` event: of the first decorator, where there is one."""
    def_line: int
    """Line of the `def`, `class`, `lambda` or comprehension itself."""
    parameters: tuple[str, ...]
    """In the order in which a `call` event lists them; `.0` is the iterator of a comprehension."""
    names: tuple[str, ...]
    """Every local, in the order in which CPython 3.11's `f_locals` lists those that are bound at the same time."""
    free: frozenset[str]
    """Names of enclosing scopes: listed with the locals as soon as they are bound there."""
    is_generator: bool
    """It can be suspended: generators, coroutines, generator expressions."""
    is_decorated: bool
    parent: Scope | None
    """The scope that it is written in; None: the module."""
    code: CodeType = field(repr=False)

    @cached_property
    def entry(self) -> Position:
        """After the `call` event of a new call."""
        return self._position("called", self.first_line, (self._graph.entry,))

    @cached_property
    def lines(self) -> frozenset[int]:
        """Lines that have `line` events."""
        return frozenset(self._events[0])

    @cached_property
    def yield_lines(self) -> frozenset[int]:
        """Lines at which it may be suspended: later `call` events have them."""
        return frozenset(self._events[1])

    @cached_property
    def shared(self) -> frozenset[str]:
        """Names that code outside this scope may bind or unbind while it runs."""
        inner: set[str] = set()
        for code in inner_codes(self.code):
            inner |= rebound_outside(code)
        return self.free | (inner & set(self.code.co_cellvars))

    def repeats(self, line: int) -> bool:
        """Whether `line` is in a loop. The exit of a `with`, back on its line, makes none."""
        return line in self._looping

    def line_info(self, line: int) -> LineInfo:
        """What is written on `line`, as far as it belongs to this scope."""
        return self._graph.line_info.get(line, _NO_LINE)

    def at(self, line: int) -> Position:
        """After a `line` event at `line`, whatever came before."""
        return self._position("line", line, (Seed(index, fired=True) for index in self._events[0].get(line, ())))

    def resumed_at(self, line: int) -> Position:
        """After a `call` event at `line` that resumes it, whatever came before."""
        return self._position(
            "resumed", line, (self._graph.resumption(index, NO_EFFECT) for index in self._events[1].get(line, ()))
        )

    @cached_property
    def _graph(self) -> Graph:
        return Graph(self.code)

    @cached_property
    def _positions(self) -> dict[object, Position]:
        return {}

    def _position(self, phase: Phase, line: int, seeds: Iterable[Seed]) -> Position:
        key = phase, line, frozenset(seeds)
        position = self._positions.get(key)
        if position is None:
            position = self._positions[key] = Position(self, *key)
        return position

    @cached_property
    def _events(self) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """Line → instructions that a `line` event comes before; line → those that suspend."""
        fires: dict[int, set[int]] = {}
        suspends: dict[int, set[int]] = {}
        seen = {self.entry}
        todo = [self.entry]
        while todo:
            position = todo.pop()
            reached: list[Position] = []
            for line in position.lines:
                after = position.next(line)
                assert after is not None
                fires.setdefault(line, set()).update(seed.at for seed in after.seeds)
                reached.append(after)
            if position.may_yield:
                suspended = position.suspended()
                suspends.setdefault(position.line, set()).update(seed.previous or 0 for seed in suspended.seeds)
                reached.append(suspended.resumed())
            if position.may_raise:
                reached.append(position.raised())
            todo.extend(after for after in reached if after not in seen)
            seen.update(reached)
        return fires, suspends

    @cached_property
    def _looping(self) -> frozenset[int]:
        following = {index: self._following(line, index) for line in self.lines for index in self._events[0][line]}

        def returns_to(index: int) -> bool:
            seen: set[int] = set()
            todo = list(following[index])
            while todo:
                after = todo.pop()
                if after not in seen:
                    seen.add(after)
                    todo.extend(following[after])
            return index in seen

        return frozenset(line for line in self.lines if any(map(returns_to, self._events[0][line])))

    def _following(self, line: int, index: int) -> set[int]:
        """Instructions with the next `line` event after that of `index`."""
        here = self._position("line", line, (Seed(index, fired=True),))
        positions = (here, here.raised(), here.suspended().resumed())
        return {after for position in positions for after in position.fires}


class Position:
    """Where a call of a scope stands, after its last event. Equal positions are the same object."""

    def __init__(self, scope: Scope, phase: Phase, line: int, seeds: frozenset[Seed]) -> None:
        self.scope = scope
        self.phase: Phase = phase
        """What the last event was; `suspended`: the `return` of a `yield`, `resumed`: the `call` that ends that."""
        self.line = line
        """Line of the last event, and of a `return` or `exception` that comes next."""
        self.seeds = seeds
        self._next: dict[int, Position] = {}

    def __repr__(self) -> str:
        return f"<Position {self.phase} {self.scope.qualname}:{self.line}>"

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """Lines that a `line` event may have next, the likeliest first: loop bodies, then branches as written."""
        return tuple(dict.fromkeys(self._line_of(index) for index in self._segment.fires))

    @property
    def fires(self) -> Iterable[int]:
        """The instructions that these come before."""
        return self._segment.fires

    @property
    def may_return(self) -> bool:
        """A `return` event may come that ends the call with a value."""
        return bool(self._segment.returns)

    @property
    def constants(self) -> frozenset[str] | None:
        """Reprs that a `return` event which ends the call may have, if they are known: `None` at the end of a body."""
        values = self._segment.returns
        return None if not values or None in values else frozenset(value for value in values if value is not None)

    @property
    def may_yield(self) -> bool:
        """A `return` event may come that suspends the call."""
        return bool(self._segment.suspends)

    @property
    def may_raise(self) -> bool:
        """An `exception` event may come."""
        return bool(self._segment.raises)

    @property
    def may_unwind(self) -> bool:
        """A `return` event may come by which an exception leaves that has been reported before.

        Its value is None. Its line may be that of the `exception` event, or of a `raise` since, instead of the last.
        """
        return self._segment.unwinds

    def next(self, line: int) -> Position | None:
        """After a `line` event at `line`; None: there cannot be one."""
        if line not in self._next and line in self.lines:
            fired = (Seed(index, fired=True) for index in self._segment.fires if self._line_of(index) == line)
            self._next[line] = self.scope._position("line", line, fired)
        return self._next.get(line)

    def raised(self) -> Position:
        """After an `exception` event."""
        return self._raised

    def suspended(self) -> Position:
        """After the `return` event of a `yield`."""
        return self._suspended

    def resumed(self) -> Position:
        """After the `call` event that goes on from `suspended`."""
        return self.scope._position("resumed", self.line, (seed._replace(effect=NO_EFFECT) for seed in self.seeds))

    def effect(self, line: int) -> Effect:
        """What happens to the names from the last event that listed them to a `line` event at `line`."""
        return self._effect([effect for index, effect in self._segment.fires.items() if self._line_of(index) == line])

    def effect_of_yield(self) -> Effect:
        """The same, for a suspended call, to the `call` event that resumes it."""
        return self._effect([seed.effect for seed in self.seeds])

    def _effect(self, effects: list[Effect]) -> Effect:
        merged = effects[0] if effects else NO_EFFECT
        for effect in effects[1:]:
            merged = merged.merge(effect)
        shared = self.scope.shared
        if shared and (self.phase == "suspended" or self.scope.line_info(self.line).runs_code):
            merged = merged._replace(may_bind=merged.may_bind | shared, may_unbind=merged.may_unbind | shared)
        return merged

    @cached_property
    def _segment(self) -> Segment:
        if self.phase == "suspended":
            return _NOTHING
        may_throw = self.phase == "resumed" or (self.phase == "called" and self.scope.is_generator)
        return self.scope._graph.walk(self.seeds, may_throw=may_throw)

    @cached_property
    def _raised(self) -> Position:
        return self.scope._position("raised", self.line, self.scope._graph.handlers(self._segment))

    @cached_property
    def _suspended(self) -> Position:
        graph = self.scope._graph
        seeds = (graph.resumption(index, effect) for index, effect in self._segment.suspends.items())
        return self.scope._position("suspended", self.line, seeds)

    def _line_of(self, index: int) -> int:
        return self.scope._graph.lines[index] or 0


def _scopes(source: str) -> Iterator[Scope]:
    parsed = parse(source)
    if parsed is not None:
        yield from _inner_scopes(parsed[1], None, "", _definitions(parsed[0]))
        return
    done = 0
    for function in functions(source):
        if function.first_line > done:
            parsed = parse(_alone(source, function.first_line, function.last_line))
            if parsed is not None:
                done = function.last_line
                prefix = f"{function.parent}." if function.parent else ""
                yield from _inner_scopes(parsed[1], None, prefix, _definitions(parsed[0]))


def _inner_scopes(code: CodeType, parent: Scope | None, prefix: str, definitions: dict[object, int]) -> Iterator[Scope]:
    for inner in inner_codes(code):
        name = scope_name(inner)
        if name.startswith("<generic parameters"):
            yield from _inner_scopes(inner, parent, prefix, definitions)
            continue
        line = inner.co_firstlineno
        kind: ScopeKind = "function"
        if name == "<lambda>":
            kind = "lambda"
        elif name == "<genexpr>":
            kind = "genexpr"
        elif name.startswith("<"):
            kind = "comprehension"
        elif not inner.co_flags & 0x02:  # CO_NEWLOCALS
            kind = "class"
        if (name, line) not in definitions and kind in ("function", "class"):
            continue  # the annotations of 3.14
        def_line = definitions.get((name, line), line)
        cells = [cell for cell in inner.co_cellvars if cell not in inner.co_varnames]
        scope = Scope(
            name=name,
            qualname=prefix + name,
            kind=kind,
            first_line=line,
            def_line=def_line,
            parameters=parameters(inner),
            names=(*inner.co_varnames, *cells, *inner.co_freevars),
            free=frozenset(inner.co_freevars),
            # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR; comprehensions may be code of the first kind here
            is_generator=bool(inner.co_flags & (0x280 if kind == "comprehension" else 0x2A0)),
            is_decorated=def_line != line,
            parent=parent,
            code=inner,
        )
        yield scope
        yield from _inner_scopes(inner, scope, f"{scope.qualname}.", definitions)


def _definitions(tree: ast.Module) -> dict[object, int]:
    """Name and first line, as a code object has them, → line of the `def` or `class`."""
    return {
        (node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])): node.lineno
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }


def _alone(source: str, first_line: int, last_line: int) -> str:
    """Lines `first_line` to `last_line` where they are, but not indented, and nothing else."""
    lines = split_lines(source)[first_line - 1 : last_line]
    indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    return "\n" * (first_line - 1) + "\n".join(line[min(indent, len(line) - len(line.lstrip())) :] for line in lines)
