"""Which tokens may come next: an automaton over the pieces of one frame, and over the text inside them.

Special tokens and source lines are followed token by token: their encodings are fixed. LOCALS and VALUE are JSON whose
values are free, so there a token is legal if its text keeps the piece a beginning of something legal; where the text
that follows is the same in every legal ending, its usual tokens are forced.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cwm_lsp.predict.confidence import UNCALIBRATED, Calibration
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.reprs import is_repr, kind_of
from cwm_lsp.predict.states import Option, State, fits
from cwm_lsp.predict.tokens import common_beginning, json_text
from cwm_lsp.predict.typed import ANY, Typed, Types, shown
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event, EventKind, Provenance

VALUE = "value"
"""The name under which the value of a `return` or `exception` is kept."""

UNKNOWN = "..."
"""What stands for a value of which nothing is known."""

CUT = "..."
"""Ends a value that was cut for its length."""

_BEGINNINGS = ('..", "a', '.."}', "..", "'a", "[", "{", "(", "1", "-", "a", "<", "\\", '"')
"""Of values. Tokens that stand for a text whichever of these follows are its own."""

INSIDE_STRING = re.compile(
    r'(?:[ !#-\[\]-~]|\\(?:["\\bfnrt]'
    r"|u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|[0-9a-ce-f][0-9a-f]{3}|d[0-7][0-9a-f]{2})))*"
)
"""Text in a JSON string as `json.dumps` writes it: ASCII, surrogates in pairs."""

ESCAPE_BEGUN = re.compile(
    r"\\(?:u(?:d(?:[89ab](?:[0-9a-f](?:[0-9a-f](?:\\(?:u(?:d(?:[c-f][0-9a-f]?)?)?)?)?)?)?|[0-7][0-9a-f]?)?"
    r"|[0-9a-ce-f][0-9a-f]{0,2})?)?"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the next frame before the model is asked; None and absent names are not."""

    kind: EventKind | None = None
    lines: frozenset[int] | None = None
    function: str | None = None
    names: tuple[str, ...] | None = None
    """All that LOCALS lists."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Reprs of locals; `VALUE` for the value of a `return` or `exception`."""

    def narrow(self, option: Option) -> Option | None:
        """The option as far as it agrees with what is known."""
        if (self.kind and option.kind != self.kind) or (self.function and option.scope.name != self.function):
            return None
        if self.lines is not None and option.line not in self.lines:
            return None
        if self.names is None or option.kind not in ("call", "line"):
            return option
        if not fits(option.keys, self.names):
            return None
        keys = {key.name: key._replace(required=True) for key in option.keys}
        return replace(option, keys=tuple(keys[name] for name in self.names))


NOTHING_KNOWN = Known()


class Grammar:
    """What the frames of one program share: its lines and their tokens."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        source: str,
        where: Where = nowhere,
        *,
        value_tokens: int,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        special = tokenizer.special
        self.tokenizer = tokenizer
        self.lines = [line + "\n" for line in split_lines(source)]
        self.value_tokens = value_tokens
        """Tokens after which a value is cut."""
        self.calibration = calibration
        self.kind_ids: dict[EventKind, int] = {kind: special[name] for kind, name in wire.KIND_TOKENS.items()}
        self.action_sep, self.arg_sep = special[wire.ACTION_SEP], special[wire.ARG_SEP]
        self.frame_sep = special[wire.FRAME_SEP]
        self.typed = Typed(source, where)
        self._has_own_reprs = "__repr__" in source
        self._text: dict[int, str | None] = {}
        self._before: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}

    def can_show(self, text: str) -> bool:
        """Whether a value can show so: a repr, or what a `__repr__` of the program may make."""
        return is_repr(text) or (self._has_own_reprs and (text[:1].isalpha() or text.startswith("(<class '")))

    def text(self, token_id: int) -> str | None:
        """The text of a token that may be part of JSON, None for any other."""
        if token_id not in self._text:
            self._text[token_id] = json_text(self.tokenizer, token_id)
        return self._text[token_id]

    def line_tokens(self, line: int) -> tuple[int, ...]:
        """The tokens of a line of the source; of an empty one where it has no such line."""
        return self.tokenizer.encode(self.lines[line - 1] if 1 <= line <= len(self.lines) else "\n")

    def before(self, text: str, endings: tuple[str, ...] = _BEGINNINGS) -> tuple[int, ...]:
        """The first tokens of a text, as far as they are the same whichever of the endings follows it."""
        tokens = self._before.get((text, endings))
        if tokens is None:
            encoded = [self.tokenizer.encode(text + ending) for ending in endings]
            tokens = common_beginning(encoded)
            while len(self.tokenizer.decode(tokens)) > len(text):
                tokens = tokens[:-1]
            self._before[text, endings] = tokens
        return tokens

    def frame_tokens(self, event: Event, may_repeat: Mapping[str, str]) -> list[int]:
        """The tokens of an event's frame; `may_repeat`: the locals that `..` may stand for."""
        tokens = [self.kind_ids[event.kind]]
        if event.kind in ("call", "line"):
            tokens += self.tokenizer.encode(wire.encode_locals(event.locals, may_repeat))
        tokens.append(self.action_sep)
        tokens += self.line_tokens(event.line)
        if event.kind in ("return", "exception"):
            tokens.append(self.arg_sep)
            tokens += self.tokenizer.encode(wire.encode_value(event.value))
        tokens.append(self.frame_sep)
        return tokens


class _Way(NamedTuple):
    """A text that may come next in JSON, and what it leads to."""

    text: str
    name: str | None
    """The value that it begins or, where that is known, contains. None: the piece ends with it."""
    cursors: tuple[tuple[Option, int], ...] = ()
    """Options that go on this way, with how many of their keys have been passed."""
    written: str | None = None
    """The value that it contains."""


class Frame:
    """The frame being written: takes tokens one by one, and knows which may come and which must."""

    def __init__(self, grammar: Grammar, state: State, known: Known = NOTHING_KNOWN) -> None:
        self.grammar = grammar
        self.state = state
        self.known = known
        self.kind: EventKind | None = None
        self.piece = "kind"
        """What is being written: `kind`, `locals`, `source`, `value`, a separator, and in the end `done`."""
        self.tokens: list[int] = []
        """Those of the piece so far."""
        self.text = ""
        """Their text, of `locals` and `value`."""
        self.options: list[Option] = []
        """Ways to go on that agree with the frame so far."""
        self.name: str | None = None
        """The value that is being written."""
        self.value = ""
        """What there is of it, as JSON text."""
        self.values: dict[str, str] = {}
        """Those that are complete, as written, that is with `..`."""
        self.cut: list[str] = []
        """Names of values that were cut."""
        self.logprobs: dict[str | None, float] = {}
        """Of the tokens that the model chose: those of each value, and of everything else under None."""
        self._pieces: list[str] = []
        """Those still to come, the next one last."""
        self._must: tuple[int, ...] = ()
        """The separator that is due."""
        self._ways: list[_Way] = []
        self._cursors: tuple[tuple[Option, int], ...] = ()
        self._checked = 0
        self._value_tokens = 0
        self._lines: dict[tuple[int, ...], list[Option]] = {}
        """Encodings of the source lines that may come, their separator included."""
        self._kinds = {
            grammar.kind_ids[kind]: kind
            for kind in state.kinds()
            if known is NOTHING_KNOWN or any(map(known.narrow, state.options(kind)))
        }

    def copy(self) -> Frame:
        """The same, to go on in another way."""
        other = copy(self)
        other.tokens, other.cut = self.tokens.copy(), self.cut.copy()
        other.values, other.logprobs, other._pieces = self.values.copy(), self.logprobs.copy(), self._pieces.copy()
        other._lines = {ids: options.copy() for ids, options in self._lines.items()}
        return other

    def inside(self) -> Frame:
        """The same in the middle of some value, in place of the one that is being written."""
        other = self.copy()
        other.value, other._checked, other._value_tokens = "a", 1, 0
        return other

    @property
    def possible(self) -> bool:
        """What is known of the frame agrees with the program."""
        return bool(self._kinds)

    @property
    def done(self) -> bool:
        return self.piece == "done"

    @property
    def may_repeat(self) -> Mapping[str, str]:
        """Locals that `..` may stand for, with their reprs."""
        if self.kind != "line" or not self.state.top.listed:
            return NOTHING
        return self.state.top.values

    def forced(self) -> tuple[int, ...]:
        """Tokens that must come next; empty where there is a choice."""
        if self._must:
            return self._must
        if self.piece == "kind":
            return tuple(self._kinds) if len(self._kinds) == 1 else ()
        if self.piece == "source":
            return common_beginning(self._lines)[len(self.tokens) :]
        if self.name is not None:
            return ()
        text, ways = "", self._ways
        while len(ways) == 1:
            (way,) = ways
            text += way.text
            if way.name is None:
                return self.grammar.tokenizer.encode(text)
            if way.written is None:
                return self.grammar.before(text)
            ways = self._ways_from(way.cursors)
        return self.grammar.before(text, tuple(way.text for way in ways)) if text else ()

    def candidates(self) -> list[int] | None:
        """The legal tokens, where they are few and known without trying."""
        if self._must or self.piece == "kind":
            return list(self._must or self._kinds)
        if self.piece == "source":
            return list({ids[len(self.tokens)] for ids in self._lines})
        return None

    def legal(self) -> list[int]:
        """All legal tokens. Slow where they are not few: the whole vocabulary is tried."""
        few = self.candidates()
        if few is not None:
            return few
        vocabulary = range(self.grammar.tokenizer.vocabulary_size)
        return [token for token in vocabulary if self.grammar.text(token) is not None and self.copy().take(token)]

    def take(self, token_id: int, logprob: float | None = None) -> bool:
        """Go on with a token, of that natural log-probability. False: it is illegal, nothing changed."""
        about: str | None = None
        if self._must:
            if token_id != self._must[0]:
                return False
            self._next_piece()
        elif self.piece == "kind":
            kind = self._kinds.get(token_id)
            if kind is None:
                return False
            self._begin(kind)
        elif self.piece == "source":
            at = len(self.tokens)
            lines = {ids: options for ids, options in self._lines.items() if ids[at] == token_id}
            if not lines:
                return False
            self._lines = lines
            self.tokens.append(token_id)
            if len(lines) == 1:
                ((ids, self.options),) = lines.items()
                if len(ids) == at + 1:
                    self._next_piece()
        else:
            text, before, complete = self.grammar.text(token_id), self.name, len(self.values)
            if text is None or not self._read(text):
                return False
            self.tokens.append(token_id)
            about = before or self.name or (next(reversed(self.values)) if len(self.values) > complete else None)
            self._value_tokens = self._value_tokens + 1 if self.name == before else 0
            if self._value_tokens >= self.grammar.value_tokens:
                self._cut()
        if logprob is not None:
            self.logprobs[about] = self.logprobs.get(about, 0.0) + logprob
        return True

    def chance(self, name: str | None) -> float:
        """That what the model has chosen so far of a value is right; None: of everything else."""
        calibration = self.grammar.calibration
        if name is None:
            return calibration.step(self.logprobs[name]) if name in self.logprobs else 1.0
        text = self.values.get(name, self.value if name == self.name else "")
        kind = "same" if text == wire.SAME and self.kind == "line" else kind_of(text)
        return calibration.chance(self.logprobs.get(name, 0.0), kind, returned=self.kind == "return")

    def event(self) -> Event:
        """The frame as an event, once it is done. Its confidences are those of its own guesses; what is no repr is none
        of them."""
        assert self.kind and self.done
        option = self.options[0]
        same = self.may_repeat
        values = {name: same.get(name, text) if text == wire.SAME else text for name, text in self.values.items()}
        provenance: dict[str, Provenance] = dict.fromkeys(values, "predicted")
        provenance |= {key.name: "unknown" for key in option.keys if key.text is not None and not key.certain}
        confidences = {name: self.chance(name) for name in self.logprobs if name is not None}
        for name in confidences:
            if name in self.cut:
                confidences[name] = 0.0
            elif not (
                self.grammar.typed.can_be(values[name], types := self._types(name))
                and self.grammar.can_show(values[name])
            ):
                values[name], provenance[name] = shown(types) or UNKNOWN, "unknown"
        confidences = {name: chance for name, chance in confidences.items() if provenance[name] == "predicted"}
        return Event(
            self.kind,
            option.line,
            self.state.depth + (self.kind == "call"),
            option.scope.name,
            values if self.kind in ("call", "line") else NOTHING,
            values[VALUE] if self.kind in ("return", "exception") else None,
            confidence=self.chance(None) * math.prod(confidences.values()) if self.logprobs else None,
            confidences=confidences,
            provenance=provenance,
            mark=f"too long, cut: {', '.join(self.cut)}" if self.cut else None,
        )

    def _types(self, name: str) -> Types:
        """What the file tells of the type of a value that was guessed."""
        typed, option = self.grammar.typed, self.options[0]
        if self.kind == "call":
            return typed.parameter(option.line, name)
        if self.kind == "return":
            return typed.returned(option.scope.first_line) if option.scope.kind == "function" else ANY
        if self.kind == "exception" or self.state.top.raising:
            return ANY
        return typed.assigned({one.origin.line for one in self.options if one.origin}, name)

    def after(self, event: Event) -> State:
        """The state after the frame, which is `event`."""
        return self.state.after(self.options, event.locals, event.value)

    def _begin(self, kind: EventKind) -> None:
        """Now that the kind is known."""
        self.kind = kind
        options = map(self.known.narrow, self.state.options(kind))
        self.options = [option for option in options if option]
        has_locals = kind in ("call", "line")
        self._pieces = ["source", "action", "locals"] if has_locals else ["end", "value", "source", "action"]
        self._next_piece()

    def _next_piece(self) -> None:
        self.tokens, self.text, self._must, self._ways = [], "", (), []
        self.piece = self._pieces.pop() if self._pieces else "done"
        grammar = self.grammar
        if self.piece == "locals":
            self._ways = self._ways_from([(option, 0) for option in self.options], "{")
        elif self.piece == "action":
            self._must = (grammar.action_sep,)
        elif self.piece == "source":
            separator = grammar.arg_sep if self._pieces else grammar.frame_sep
            for option in self.options:
                self._lines.setdefault((*grammar.line_tokens(option.line), separator), []).append(option)
        elif self.piece == "value":
            known = self.known.values.get(VALUE)
            written = {known} if known is not None else _possible(self.options)
            self._ways = [_Way('"' if text is None else json.dumps(text), VALUE, written=text) for text in written]
        elif self.piece == "end":
            self._must = (grammar.frame_sep,)

    def _ways_from(self, cursors: Iterable[tuple[Option, int]], before: str = ", ") -> list[_Way]:
        """How LOCALS may go on where a name or its end is due. None of that in VALUE: it ends with its value."""
        if self.piece == "value":
            return [_Way("", None)]
        by_name: dict[str | None, list[tuple[Option, int]]] = {}
        for option, at in cursors:
            for passed, key in enumerate(option.keys[at:], at + 1):
                by_name.setdefault(key.name, []).append((option, passed))
                if key.required:
                    break
            else:
                by_name.setdefault(None, []).append((option, len(option.keys)))
        ways = []
        for name, group in by_name.items():
            if name is None:
                ways.append(_Way("{}" if before == "{" else "}", None, tuple(group)))
                continue
            known = self.known.values.get(name, _same_text(group))
            if known is not None and self.may_repeat.get(name) == known:
                known = wire.SAME
            value = '"' if known is None else json.dumps(known)
            ways.append(_Way(f"{before}{json.dumps(name)}: {value}", name, tuple(group), known))
        return ways

    def _read(self, text: str) -> bool:
        """Go on with some JSON. False: it is illegal, nothing changed."""
        ways, name, value, checked, cursors = self._ways, self.name, self.value, self._checked, self._cursors
        complete: dict[str, str] = {}
        rest, ended = text, False
        while rest and not ended:
            if name is None:
                way = next((way for way in ways if rest.startswith(way.text)), None)
                if way is None:
                    ways = [way._replace(text=way.text[len(rest) :]) for way in ways if way.text.startswith(rest)]
                    if not ways:
                        return False
                    break
                rest, cursors = rest[len(way.text) :], way.cursors
                if way.name is None:
                    ended = True
                elif way.written is None:
                    name, value, checked = way.name, "", 0
                else:
                    complete[way.name] = way.written
                    ways = self._ways_from(cursors)
            else:
                value += rest
                checked = INSIDE_STRING.match(value, checked).end()  # type: ignore[union-attr]  # it may be empty
                value, rest = value[:checked], value[checked:]
                repeats = value.startswith(wire.SAME) and name in self.may_repeat
                if repeats and len(value) > len(wire.SAME):
                    return False
                if rest.startswith('"') or (repeats and not rest):
                    if value == wire.SAME and not repeats:
                        return False
                    complete[name] = json.loads(f'"{value}"')
                    ways = self._ways_from(cursors)
                    if rest:
                        rest = rest[1:]
                    else:
                        ways = [way._replace(text=f'"{way.text}') for way in ways]
                    name = None
                elif ESCAPE_BEGUN.fullmatch(rest):
                    value, rest = value + rest, ""
                elif rest:
                    return False
            if name is None and ways and not ways[0].text:  # the end of VALUE
                ended = True
        if rest and ended:
            return False
        self._ways, self.name, self.value, self._checked, self._cursors = ways, name, value, checked, cursors
        self.text += text
        self.values.update(complete)
        if ended:
            if cursors:
                self.options = [option for option, _ in cursors]
            self._next_piece()
        return True

    def _cut(self) -> None:
        """End the value that is being written, unless it is in the middle of a character."""
        if self.name is None or self._checked < len(self.value):
            return
        self.cut.append(self.name)
        self.values[self.name] = json.loads(f'"{self.value}{CUT}"')
        self._ways = [way._replace(text=f'{CUT}"{way.text}') for way in self._ways_from(self._cursors)]
        self.name = None


def _same_text(group: Sequence[tuple[Option, int]]) -> str | None:
    """The repr of a key that several ways have in common, given as options and how many of their keys are passed."""
    texts = {option.keys[passed - 1].text for option, passed in group}
    return texts.pop() if len(texts) == 1 else None


def _possible(options: Sequence[Option]) -> list[str] | list[None]:
    """The values that may come in ways to go on that are the same up to there; None stands for any."""
    values: dict[str, None] = {}
    for option in options:
        if option.value is None and option.constants is None:
            return [None]
        values |= dict.fromkeys(sorted(option.constants or ()) if option.value is None else (option.value,))
    return [*values]
