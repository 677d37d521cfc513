"""One call being predicted: frames are written or computed, become events, and move the state on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace

from cwm_lsp.errors import UserError
from cwm_lsp.predict.decode import Answer, Budget, Ended, Writer
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.interface import Engine, Pass
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Grammar, Known
from cwm_lsp.predict.outcome import outcome_of
from cwm_lsp.predict.prompt import Prompt, Task, function_name
from cwm_lsp.predict.states import State
from cwm_lsp.source.flow import Flow
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event, Outcome, Stats, Trace

LONGEST_PROGRAM = 8192
"""Tokens of a program that are shown at most: what one sliding window of CWM sees."""

Written = Generator[Pass, Answer, Event]


class Prediction:
    """The prediction of one call by the model alone. `run` asks for forward passes and returns the trace."""

    def __init__(
        self,
        task: Task,
        prompt: Prompt,
        engine: Callable[[], Engine],
        budget: Budget,
        on_event: Callable[[Event], None] | None = None,
        cancel: threading.Event | None = None,
        *,
        drafts: bool = True,
    ) -> None:
        self._task = task
        self._prompt = prompt
        self._engine = engine
        self._budget = budget
        self._on_event = on_event
        self._cancel = cancel
        self._drafts = drafts
        self._started = time.monotonic()
        self._events: list[Event] = []
        """Those of the traced call."""
        self._base: int | None = None
        """Depth of the traced call among the frames, once it has been entered."""
        self._frames: list[Event] = []
        """All that the model is to know, the wrapper's frames included."""
        self._shown = 0
        """Frames that the writer's text has."""
        self._state = _entered(prompt)
        self._writer: Writer | None = None
        self._header: list[int] = []
        self._grammar: Grammar | None = None

    def run(self) -> Generator[Pass, Answer, Trace]:
        """Predict to the end of the call or of the budget."""
        try:
            self._happened(self._prompt.first)
            while not self._over:
                yield from self._write(NOTHING_KNOWN)
            outcome = outcome_of(self._events)
        except Ended as end:
            outcome = Outcome("truncated", detail=str(end))
        finally:
            if self._writer is not None:
                self._writer.finish()
        return self._trace(outcome)

    @property
    def _over(self) -> bool:
        state = self._state
        if state.over:
            return True
        entered = self._base is not None and self._base > 0
        return entered and state.depth < (self._base or 0) and not state.suspended

    def _happened(self, event: Event) -> None:
        """An event is complete."""
        self._frames.append(event)
        if self._base is None and _enters(event, self._task):
            self._base = event.depth
        if self._base is None or event.depth < self._base:
            return
        if self._base:
            event = replace(event, depth=event.depth - self._base)
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)
        if len(self._events) >= self._budget.events:
            raise Ended(f"the limit of {self._budget.events} events was reached")

    def _write(self, known: Known) -> Written:
        """Have the model write the next frame."""
        writer, grammar = self._show()
        frame = Frame(grammar, self._state, known)
        yield from writer.frame(frame)
        event = frame.event()
        self._state = frame.after(event)
        self._shown += 1
        self._happened(event)
        return event

    def _show(self) -> tuple[Writer, Grammar]:
        """The writer, its text being all frames so far, or the latest where the context is too small for all."""
        if self._writer is None or self._grammar is None:
            engine = self._engine()
            self._grammar = Grammar(
                engine.tokenizer, self._prompt.source, value_tokens=max(16, min(1024, engine.context_length // 8))
            )
            drafter = Drafter(self._grammar, self._prompt.source, self._frames) if self._drafts else None
            self._writer = Writer(engine, drafter, self._budget, self._cancel)
            self._header = self._program(engine)
            self._writer.restart(self._header)
        writer, grammar = self._writer, self._grammar
        context = writer.engine.context_length
        tokens = self._tokens_of_frames(grammar, self._shown)
        if (len(writer.tokens) + len(tokens) > context * 3 // 4 and self._shown < len(self._frames)) or (
            len(writer.tokens) > context * 3 // 4
        ):
            first = self._tokens_of_frames(grammar, 0, 1)
            room = context // 2 - len(self._header) - len(first)
            start = len(self._frames)
            latest: list[int] = []
            while start > 1:
                longer = self._tokens_of_frames(grammar, start - 1)
                if len(longer) > room and latest:
                    break
                start, latest = start - 1, longer
            writer.restart([*self._header, *first, *latest])
        else:
            writer.extend(tokens)
        self._shown = len(self._frames)
        return writer, grammar

    def _program(self, engine: Engine) -> list[int]:
        """The prompt's tokens up to the first frame: of the program, as much as there is reasonable room for."""
        special = engine.tokenizer.special
        room = min(engine.context_length // 3, LONGEST_PROGRAM)
        for context in self._prompt.contexts():
            tokens = engine.tokenizer.encode(context)
            if len(tokens) <= room:
                break
        else:
            if len(tokens) > engine.context_length * 2 // 3:
                raise Ended(
                    f"{self._task.function.qualname} has {len(tokens)} tokens, "
                    f"too many for the model's context of {engine.context_length}"
                )
        return [special[wire.BEGIN_OF_TEXT], special[wire.TRACE_CONTEXT_START], *tokens, special[wire.FRAME_SEP]]

    def _tokens_of_frames(self, grammar: Grammar, start: int, end: int | None = None) -> list[int]:
        """The tokens of some of the frames, the first of which lists all in full unless the one before it is shown."""
        tokens: list[int] = []
        before = self._frames[:start] if start == self._shown else []
        previous = _listed_last(before)
        for event in self._frames[start:end]:
            tokens += grammar.frame_tokens(event, previous if event.kind == "line" else NOTHING)
            if event.kind in ("call", "line"):
                previous = event.locals
            elif event.kind == "return":
                previous = NOTHING
        return tokens

    def _trace(self, outcome: Outcome) -> Trace:
        writer = self._writer
        stats = Stats(
            events=len(self._events),
            tokens=writer.written if writer else 0,
            forward_passes=writer.passes if writer else 0,
            seconds=time.monotonic() - self._started,
        )
        task = self._task
        return Trace(
            task.function.qualname, task.call, task.path, "predicted", task.source, tuple(self._events), outcome, stats
        )


def _listed_last(frames: list[Event]) -> Mapping[str, str]:
    """The locals that `..` may stand for after some frames."""
    for event in reversed(frames):
        if event.kind != "exception":
            return event.locals if event.kind != "return" else NOTHING
    return NOTHING


def _entered(prompt: Prompt) -> State:
    """The state after the first event.

    Raises:
        UserError: the function's text cannot be made sense of.
    """
    flow, first = Flow.of(prompt.source), prompt.first
    for scope in flow.starting_at(first.line):
        if scope.name == first.function:
            return State.entered(flow, scope, first.locals)
    raise UserError(f"line {first.line}: the text of {first.function} does not parse; mend it first")


def _enters(event: Event, task: Task) -> bool:
    """Whether an event is the call of the task's function."""
    function = task.function
    return event.kind == "call" and event.line == function.first_line and event.function == function_name(function)
