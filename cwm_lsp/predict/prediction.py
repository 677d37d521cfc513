"""One call being predicted: frames are written, become events, and move the state on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

from cwm_lsp.predict.decode import Answer, Budget, Ended, Writer
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.interface import Engine, Pass
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Known
from cwm_lsp.predict.prompt import Prompt, Task, function_name
from cwm_lsp.predict.states import entered
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome, Stats, Trace
from cwm_lsp.trace.exceptions import described

Predicting = Generator[Pass, Answer, Trace]


@dataclass(frozen=True, slots=True)
class Control:
    """What a prediction may cost, who hears of its events, and who may end it."""

    budget: Budget = field(default_factory=Budget)
    on_event: Callable[[Event], None] | None = None
    cancel: threading.Event | None = None


class Prediction:
    """The prediction of one call. `run` asks for forward passes and returns the trace."""

    def __init__(
        self, task: Task, prompt: Prompt, engine: Callable[[], Engine], control: Control, *, drafts: bool = True
    ) -> None:
        self.frames: list[Event] = []
        """All that the model is to know, the wrapper's frames included."""
        self.events: list[Event] = []
        """Those of the traced call."""
        self.state = entered(prompt.source, prompt.first)
        self.writer: Writer | None = None
        self._task = task
        self._prompt = prompt
        self._engine = engine
        self._control = control
        self._drafts = drafts
        self._transcript: Transcript | None = None
        self._started = time.monotonic()
        self._base: int | None = None
        """Depth of the traced call among the frames, once it has been entered."""

    def run(self) -> Predicting:
        """Predict to the end of the call or of the budget."""
        try:
            self.happened(self._prompt.first)
            while not self._over:
                yield from self._write(NOTHING_KNOWN)
            outcome = self._outcome()
        except Ended as end:
            outcome = Outcome("truncated", detail=str(end))
        finally:
            if self.writer is not None:
                self.writer.finish()
        return self.trace(outcome)

    @property
    def _over(self) -> bool:
        """The traced call has been left for good."""
        left = self._base and self.state.depth < self._base and not self.state.suspended
        return bool(left) or self.state.over

    def _outcome(self) -> Outcome:
        """How the traced call ended, once it is over."""
        left_by = self.state.unwinding
        if left_by is None:
            return Outcome("return", value=self.events[-1].value)
        name, message = described(left_by.value)
        return Outcome("exception", exception=ExceptionInfo(name, message, left_by.origin))

    def happened(self, event: Event) -> None:
        """An event is complete."""
        self.frames.append(event)
        if self._base is None and _enters(event, self._task):
            self._base = event.depth
        if self._base is None or event.depth < self._base:
            return
        if self._base:
            event = replace(event, depth=event.depth - self._base)
        self.events.append(event)
        if self._control.on_event is not None:
            self._control.on_event(event)
        if len(self.events) >= self._control.budget.events:
            raise Ended(f"the limit of {self._control.budget.events} events was reached")

    def _write(self, known: Known) -> Generator[Pass, Answer, None]:
        """Have the model write the next frame."""
        writer, transcript = self._begun()
        transcript.catch_up()
        frame = Frame(transcript.grammar, self.state, known)
        yield from writer.frame(frame)
        transcript.wrote()
        event = frame.event()
        self.state = frame.after(event)
        self.happened(event)

    def _begun(self) -> tuple[Writer, Transcript]:
        """The writer and its text, made when a model is first needed."""
        if self.writer is None or self._transcript is None:
            engine = self._engine()
            self.writer = Writer(engine, self._control.budget, self._control.cancel)
            self._transcript = Transcript(engine, self.writer, self._prompt, self.frames)
            if self._drafts:
                self.writer.drafter = Drafter(self._transcript.grammar, self._prompt.source, self.frames)
        return self.writer, self._transcript

    def trace(self, outcome: Outcome) -> Trace:
        """The trace of the events so far."""
        stats = Stats(
            events=len(self.events),
            tokens=self.writer.written if self.writer else 0,
            forward_passes=self.writer.passes if self.writer else 0,
            seconds=time.monotonic() - self._started,
        )
        task = self._task
        return Trace(
            task.function.qualname, task.call, task.path, "predicted", task.source, tuple(self.events), outcome, stats
        )


def _enters(event: Event, task: Task) -> bool:
    """Whether an event is the call of the task's function."""
    function = task.function
    return event.kind == "call" and event.line == function.first_line and event.function == function_name(function)
