"""What will most likely come next, from the program itself: tokens proposed to be verified several at once.

A guess costs nothing but time if it is wrong. Where control goes: as it last did here, else as the flow graph has it.
What changes: what the statement just run assigns or mutates. To what: literals, copies of variables, the next element,
what was there before. Everything else stays.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, chain, repeat
from typing import NamedTuple

from cwm_lsp.predict.foresight import Foreseeing, Foreseen
from cwm_lsp.predict.grammar import VALUE, Frame, Grammar
from cwm_lsp.predict.guesses import Statement, Statements, copied, elements, finished
from cwm_lsp.predict.reckoning import Unknown, bound, effects, shown, value_of
from cwm_lsp.predict.states import Activation, Option, State
from cwm_lsp.source.flow import Scope
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event, EventKind

_MEMORY = 3
"""Events that tell where control goes next, at most."""

_LOOK_BACK = 500
"""Events among which the iterations of a loop are counted."""


class Step(NamedTuple):
    """An event without its values."""

    kind: EventKind
    line: int
    function: str


def _step(event: Event) -> Step:
    return Step(event.kind, event.line, event.function)


def _may_repeat(state: State, option: Option) -> Mapping[str, str]:
    """Locals that `..` may stand for in a frame that comes so."""
    return state.top.values if option.kind == "line" and state.top.listed else NOTHING


def _calls_by_name(state: State) -> bool:
    """The line that is running names something of the file that it probably calls."""
    top = state.top
    info = top.scope.line_info(top.line)
    if not info.calls and not info.codes:
        return False
    callees = state.flow.callees(top.scope, top.line)
    return any(_named(scope, info.names, callee_is_here=scope.code in info.codes) for scope in callees[:2])


def _named(scope: Scope, names: set[str], *, callee_is_here: bool) -> bool:
    if callee_is_here:
        return scope.kind != "function"
    owner = scope.parent
    created = owner is not None and owner.kind == "class" and owner.name in names and scope.name == "__init__"
    return scope.name in names or created


def _iterator(statement: Statement, values: Mapping[str, str]) -> str | None:
    """What a comprehension is given as its iterator."""
    for node in ast.walk(statement.node) if statement.node else ():
        if isinstance(node, ast.comprehension):
            text = copied(node.iter, values)
            if text is None and isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name):
                return {"range": "<range_iterator object>"}.get(node.iter.func.id, f"<{node.iter.func.id} object>")
            first = (text or "[")[0]
            kinds = {"[": "list_iterator", "(": "tuple_iterator", "{": "dict_keyiterator"}
            return f"<{kinds.get(first, 'str_ascii_iterator')} object>"
    return None


def _raised(result: ast.expr | None) -> str | None:
    """Settrace's triple of what a `raise` statement raises."""
    match result:
        case ast.Name(id=name):
            return f"(<class '{name}'>, {name}(), <traceback object>)"
        case ast.Call(func=ast.Name(id=name), args=arguments):
            texts = [copied(argument, {}) or "" for argument in arguments]
            return f"(<class '{name}'>, {name}({', '.join(texts)}), <traceback object>)"
    return None


class Drafter:
    """Guesses for one prediction. `frames` is the list of events so far, which grows."""

    def __init__(
        self, grammar: Grammar, source: str, frames: Sequence[Event], foresight: Foreseeing | None = None
    ) -> None:
        self._grammar = grammar
        self._foresight = foresight
        self._foreseen: Sequence[Foreseen] = ()
        """Events that are to come after all frames."""
        self._frames = frames
        self._statements = Statements(source)
        self._next: dict[tuple[Step, ...], Step] = {}
        """What followed the latest few events when they were last seen."""
        self._became: dict[tuple[int, str], str] = {}
        """What a name, or the result, was after the statement of that line last ran."""
        self._learnt = 1
        self._reckoned: tuple[Activation | None, Mapping[str, str]] = (None, {})
        """What the last statement that was looked at makes of variables."""
        self._trail: list[Event] = []
        """The latest frames, and those drafted after them."""
        beginning = '{"a": "'
        encoded = grammar.tokenizer.encode(f'{beginning}{wire.SAME}"}}')
        lengths = accumulate(len(grammar.tokenizer.token_bytes(token)) for token in encoded)
        self._one_token = len(beginning) not in lengths
        """A quote and `..` are one token: after a quote alone something else comes."""

    def draft(self, frame: Frame, length: int) -> list[int]:
        """The tokens that come next in the frame and in frames after it, at least `length` if possible."""
        self._learn()
        if self._foresight is not None:
            self._foreseen = self._foresight.events(self._frames, 2 + length // 4)
        self._trail = list(self._frames[-_LOOK_BACK:])
        state = frame.state
        tokens: list[int] = []
        begun: Frame | None = frame
        for foreseen in chain(self._foreseen, repeat(None)):
            option = self._option(state, self._trail[-_MEMORY:], begun, foreseen)
            if option is None:
                break
            event = self._event(state, option, begun, foreseen)
            if begun:
                tokens, begun = self._rest(begun, option, event), None
            else:
                tokens += self._grammar.frame_tokens(event, _may_repeat(state, option))
            state = state.after([option], event.locals, event.value)
            if not tokens or len(tokens) >= length or state.over:
                break
            self._trail.append(event)
        return tokens

    @property
    def foresees(self) -> bool:
        """What comes next is more than a guess."""
        return bool(self._foreseen)

    def _learn(self) -> None:
        """Remember what the latest events tell."""
        frames = self._frames
        for index in range(self._learnt, len(frames)):
            event = frames[index]
            steps = [_step(before) for before in frames[max(0, index - _MEMORY) : index]]
            for start in range(len(steps)):
                self._next[tuple(steps[start:])] = _step(event)
            before = frames[index - 1]
            if event.kind == "line" and before.depth == event.depth:
                for name in self._statements.at(before.line).assigns:
                    if name in event.locals:
                        self._became[before.line, name] = event.locals[name]
            elif event.value is not None:
                self._became[event.line, VALUE] = event.value
        self._learnt = len(frames)

    def _option(
        self, state: State, trail: Sequence[Event], begun: Frame | None, foreseen: Foreseen | None
    ) -> Option | None:
        """How the next frame most likely comes; in agreement with what there is of it."""
        kinds = [begun.kind] if begun and begun.kind else state.kinds()
        options = {kind: begun.options if begun and begun.kind else state.options(kind) for kind in kinds if kind}
        steps = [_step(event) for event in trail]
        if foreseen is None:
            for option in self._turned(state, trail, options.get("line", ())):
                return option
        experience = (self._next.get(tuple(steps[start:])) for start in range(len(steps)))
        for expected in (foreseen and _step(foreseen.event), *experience):
            for option in options.get(expected.kind, ()) if expected else ():
                if expected and (option.line, option.scope.name) == (expected.line, expected.function):
                    return option
        for kind in self._likely(state, trail):
            for option in options.get(kind, ()):
                return option
        return next((option for kind in options for option in options[kind]), None)

    def _turned(self, state: State, trail: Sequence[Event], options: Sequence[Option]) -> Iterator[Option]:
        """Where the statement that has just run sends control, if its condition can be told."""
        if not options or not state.stack or state.top.raising or state.top.positions[0].phase == "called":
            return
        if trail[-1].kind != "return" and _calls_by_name(state):
            return
        top = state.top
        node = self._statements.at(top.line).node
        if not isinstance(node, ast.If | ast.While | ast.For):
            return
        try:
            inside = self._round(top, node)[1] if isinstance(node, ast.For) else bool(value_of(node.test, top.values))
        except Unknown:
            return
        first = top.line - node.lineno + node.body[0].lineno
        for option in options:
            if (option.line == first) == inside:
                yield option

    def _round(self, top: Activation, node: ast.For) -> tuple[object, bool]:
        """What the target of a loop is in the turn that has just begun, and whether there is one.

        Raises:
            Unknown: what is iterated over cannot be told.
        """
        try:
            inside: Sequence[object] = list(value_of(node.iter, top.values))
        except (Unknown, TypeError):
            known = elements(node.iter, top.values)
            if known is None:
                raise Unknown from None
            inside = known
        times = self._times(top, node)
        return (inside[times - 1], True) if 0 < times <= len(inside) else (None, False)

    def _likely(self, state: State, trail: Sequence[Event]) -> Iterator[EventKind]:
        """Kinds, the likeliest first, where there is no experience."""
        if not state.stack:
            yield "call"
            return
        top = state.top
        if state.unwinding:
            yield "exception"
        if trail[-1].kind != "return" and _calls_by_name(state):
            yield "call"
        if not top.raising or top.positions[0].lines:
            yield "line"
        yield "return"
        yield "exception"

    def _event(self, state: State, option: Option, begun: Frame | None, foreseen: Foreseen | None) -> Event:
        """The next event, all values guessed; those that the frame has already are left as they are."""
        depth = state.depth + (option.kind == "call")
        if foreseen is not None and _step(foreseen.event) != (option.kind, option.line, option.scope.name):
            foreseen = None
        if option.kind in ("return", "exception"):
            value = option.value or self._result(state, option, begun, foreseen)
            return Event(option.kind, option.line, depth, option.scope.name, value=value)
        top = state.top if state.stack else None
        values: dict[str, str] = {}
        for name, text in begun.values.items() if begun else ():
            values[name] = top.values.get(name, text) if top and text == wire.SAME else text
        statement = self._statement(top) if top else None
        for key in option.keys:
            current = begun is not None and begun.name == key.name
            known = foreseen.event.locals.get(key.name) if foreseen else None
            if key.name in values or not (key.required or current or known is not None):
                continue
            if key.text is not None:
                values[key.name] = key.text
                continue
            prefix = begun.value if begun and current else ""
            declined = bool(current and self._one_token and option.kind == "line")
            if known is not None and foreseen and not prefix and not declined:
                unchanged = option.kind == "line" and foreseen.before.get(key.name) == known
                values[key.name] = top.values.get(key.name, known) if unchanged and top else known
            elif option.kind == "call":
                values[key.name] = self._argument(state, option, key.name, prefix, known)
            else:
                assert top
                values[key.name] = self._local(top, statement, key.name, prefix, known, declined=declined)
        return Event(option.kind, option.line, depth, option.scope.name, values)

    def _rest(self, frame: Frame, option: Option, event: Event) -> list[int]:
        """The tokens of the event's frame that come after what there is of it; none if they do not fit together."""
        grammar = self._grammar
        pieces: list[tuple[str, Sequence[int]]] = [("kind", (grammar.kind_ids[option.kind],))]
        text = ""
        action: tuple[str, Sequence[int]] = ("action", (grammar.action_sep,))
        if option.kind in ("call", "line"):
            text = wire.encode_locals(event.locals, _may_repeat(frame.state, option))
            source = (*grammar.line_tokens(option.line), grammar.frame_sep)
            pieces += [("locals", grammar.tokenizer.encode(text)), action, ("source", source)]
        else:
            text = wire.encode_value(event.value)
            source = (*grammar.line_tokens(option.line), grammar.arg_sep)
            value = grammar.tokenizer.encode(text)
            pieces += [action, ("source", source), ("value", value), ("end", (grammar.frame_sep,))]
        while pieces[0][0] != frame.piece:
            del pieces[0]
        name, encoded = pieces[0]
        there = len(frame.tokens)
        if list(encoded[:there]) != frame.tokens:
            if name == "source" or not text.startswith(frame.text):
                return []
            encoded, there = grammar.tokenizer.encode(text[len(frame.text) :]), 0
        return [*encoded[there:], *(token for _, piece in pieces[1:] for token in piece)]

    def _statement(self, activation: Activation) -> Statement | None:
        """The statement that has just run there."""
        return None if activation.positions[0].phase == "called" else self._statements.at(activation.line)

    def _local(
        self,
        top: Activation,
        statement: Statement | None,
        name: str,
        prefix: str,
        known: str | None,
        *,
        declined: bool,
    ) -> str:
        """The value of a local that begins with `prefix`; `declined`: it is not what it was."""
        old = top.values.get(name)
        if statement is None or (name not in statement.assigns and name not in statement.mutates):
            if old is not None and not prefix and not declined:
                return old
            statement = statement or self._statements.at(top.line)
        likely: list[str | None] = [known, self._effects(top, statement).get(name)]
        likely.append(copied(statement.assigns.get(name), top.values))
        if old and name in statement.mutates:
            mentioned = [top.values[other] for other in statement.names if other in top.values and other != name]
            likely += [f"{old[:-1]}{', ' if len(old) > 2 else ''}{new}{old[-1:]}" for new in mentioned]
            likely.append(old[:-1])
        likely += [self._became.get((top.line, name)), old]
        return self._value(prefix, likely, statement, top, unlike=old if prefix or declined else None)

    def _effects(self, top: Activation, statement: Statement) -> Mapping[str, str]:
        """What the statement that has just run makes of variables, as far as it can be told."""
        if self._reckoned[0] is not top:
            node = statement.node
            made: Mapping[str, str] = {}
            if isinstance(node, ast.For):
                with suppress(Unknown):
                    element, inside = self._round(top, node)
                    made = bound(node.target, element) if inside else {}
            elif node is not None:
                made = effects(node, top.values)
            self._reckoned = top, made
        return self._reckoned[1]

    def _times(self, top: Activation, node: ast.For) -> int:
        """How often the header of a loop has run since it was come to."""
        times = 0
        depth = len(self._trail) and self._trail[-1].depth
        last = top.line - node.lineno + (node.end_lineno or node.lineno)
        for event in reversed(self._trail[-_LOOK_BACK:]):
            if event.depth != depth or event.kind != "line":
                continue
            if event.line == top.line:
                times += 1
            elif not top.line <= event.line <= last:
                break
        return times

    def _argument(self, state: State, option: Option, name: str, prefix: str, known: str | None) -> str:
        if option.resumes and name in option.resumes.values:
            return option.resumes.values[name]
        caller = state.top if state.stack else option.resumes
        assert caller
        statement = self._statements.at(caller.line)
        likely: list[str | None] = [known]
        if name == ".0":
            likely.append(_iterator(statement, caller.values))
        likely += [self._passed(option, name, statement, caller)]
        likely += [caller.values.get(name), self._last_argument(option, name)]
        return self._value(prefix, likely, statement, caller)

    def _passed(self, option: Option, name: str, statement: Statement, caller: Activation) -> str | None:
        """What a call in the statement hands to a parameter, by its place or its name."""
        for node in ast.walk(statement.node) if statement.node else ():
            match node:
                case ast.Call(func=ast.Name(id=called)) if called == option.scope.name:
                    placed = dict(zip(option.scope.parameters, node.args, strict=False))
                    named = {keyword.arg: keyword.value for keyword in node.keywords}
                    its = named.get(name) or placed.get(name)
                    return shown(its, caller.values) if its is not None else None
        return None

    def _last_argument(self, option: Option, name: str) -> str | None:
        for event in reversed(self._frames):
            if event.kind == "call" and event.line == option.line and name in event.locals:
                return event.locals[name]
        return None

    def _result(self, state: State, option: Option, begun: Frame | None, foreseen: Foreseen | None) -> str:
        top = state.top
        statement = self._statements.at(option.line)
        prefix = begun.value if begun and begun.name == VALUE else ""
        likely: list[str | None] = [foreseen.event.value if foreseen else None]
        if option.kind == "exception":
            likely.append(state.unwinding.value if state.unwinding else None)
            likely.append(_raised(statement.result))
        else:
            likely.append(shown(statement.result, top.values))
            likely.append(copied(statement.result, top.values) if statement.result else "None")
        likely.append(self._became.get((option.line, VALUE)))
        return self._value(prefix, likely, statement, top)

    def _value(
        self,
        prefix: str,
        likely: Sequence[str | None],
        statement: Statement,
        top: Activation,
        unlike: str | None = None,
    ) -> str:
        """A value that begins with `prefix`, and is not `unlike`."""
        mentioned = [top.values[name] for name in statement.names if name in top.values]
        known = [text for text in likely if text is not None]
        if not prefix:
            return next((text for text in (*known, *mentioned) if text != unlike), "None")
        return finished(prefix, [*known, *mentioned, *top.values.values()], unlike)
