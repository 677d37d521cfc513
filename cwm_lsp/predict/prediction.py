"""One call being predicted: frames are written, become events, and move the state on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from cwm_lsp.evaluate import Evaluator
from cwm_lsp.predict.continuation import Continuation
from cwm_lsp.predict.decode import Answer, Budget, Ended, Writer
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.interface import Engine, Pass
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.grammar import NOTHING_KNOWN, UNKNOWN, Frame, Known
from cwm_lsp.predict.labels import Labels
from cwm_lsp.predict.memory import Run
from cwm_lsp.predict.prompt import Prompt, Task, function_name, is_entry
from cwm_lsp.predict.states import State, entered
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.predict.trust import Trust
from cwm_lsp.source.functions import namesakes
from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome, Stats, Trace
from cwm_lsp.trace.exceptions import described
from cwm_lsp.trace.scopes import Scopes

NOT_KNOWN = "how the call goes is not known"

_NAME = 24
"""Characters that a local counts for beside its value: its name, and where it comes from."""
_AHEAD = 64
"""Foreseen events that an engine which writes by itself is told at most."""
_ENOUGH = 16
"""Events after which it is worth telling it of more."""

Predicting = Generator[Pass, Answer, Trace]


@dataclass(frozen=True, slots=True)
class Control:
    """What a prediction may cost, who hears of its events, and who may end it."""

    budget: Budget = field(default_factory=Budget)
    on_event: Callable[[Event], None] | None = None
    cancel: threading.Event | None = None
    evaluator: Evaluator = field(default_factory=Evaluator)
    """Computes what can be known."""
    runs: Sequence[Run] = ()
    """Earlier ones of the function, those of the same call first, the newest first: asked before the model is."""


class Prediction:
    """The prediction of one call. `run` asks for forward passes and returns the trace."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Other files that it was made from."""
        return ()

    @property
    def runs(self) -> tuple[str, ...]:
        """When the runs were recorded that it remembers values from."""
        return ()

    def __init__(
        self,
        task: Task,
        prompt: Prompt,
        engine: Callable[[], Engine],
        control: Control,
        *,
        drafts: bool = True,
        foresight: Foresight | None = None,
    ) -> None:
        self.frames: list[Event] = []
        """All that the model is to know, the wrapper's frames included: it steps over other files."""
        self.events: list[Event] = []
        """Those of the traced call."""
        self._text = 0
        """Characters that they take to show."""
        self.writer: Writer | None = None
        self._task = task
        self._prompt = prompt
        self._foresight = foresight
        self._state: State | None = None
        self._followed = 0
        """Frames that the state has followed."""
        self._engine = engine
        self._control = control
        self._drafts = drafts
        self._transcript: Transcript | None = None
        self._started = time.monotonic()
        self._base: int | None = None
        """Depth of the traced call among the frames, once it has been entered."""
        self._trust = Trust()
        self._labels = Labels(prompt.source, prompt.where)
        self._scopes = Scopes()
        self._left_out = task.left_out
        self._alone = False
        """The model writes all that is left."""

    def run(self) -> Predicting:
        """Predict to the end of the call or of the budget."""
        try:
            outcome = yield from self._predict()
        except Ended as end:
            outcome = Outcome("truncated", detail=str(end))
        finally:
            if self.writer is not None:
                self.writer.finish()
            if self._foresight is not None:
                self._foresight.close()
        return self._trace(self._known(outcome))

    def _known(self, outcome: Outcome) -> Outcome:
        """How the call ends, as far as that is sure enough."""
        if not self.events or self.events[-1].provenance.get("value") != "unknown":
            return outcome
        if outcome.kind == "return":
            return replace(outcome, value=None, detail=outcome.detail or "what it returns is not known")
        return Outcome("truncated", detail=NOT_KNOWN) if outcome.kind == "exception" else outcome

    def _predict(self) -> Generator[Pass, Answer, Outcome]:
        """All events, by the model alone."""
        self._alone = True
        if not self.frames:
            self.happened(self._trust.computed(self._prompt.first))
        while not self._over:
            yield from self._write()
        return self._outcome()

    @property
    def state(self) -> State:
        """Where the call stands after all frames.

        Raises:
            Ended: the frames do not agree with the program.
            UserError: the function does not parse.
        """
        state = self._state or entered(self._prompt.source, self.frames[0], self._prompt.arguments)
        for event in self.frames[max(1, self._followed) :]:
            followed = state.follow(event)
            if followed is None:
                raise Ended(f"line {event.line}: how the program gets there is not understood")
            state = followed
        self._state, self._followed = state, len(self.frames)
        return state

    @property
    def _over(self) -> bool:
        """The traced call has been left for good."""
        state = self.state
        left = self._base and state.depth < self._base and not state.suspended
        return bool(left) or state.over

    def _outcome(self) -> Outcome:
        """How the traced call ended, once it is over."""
        if not self.events:
            name = self._task.function.qualname
            return Outcome("truncated", detail=f"the model expects that the call does not get into {name}")
        left_by = self.state.unwinding
        if left_by is None:
            return Outcome("return", value=self.events[-1].value)
        name, message = described(left_by.value)
        return Outcome("exception", exception=ExceptionInfo(name, message, left_by.origin))

    def happened(self, event: Event, depth: int | None = None) -> None:
        """An event of the file is complete; `depth` in the whole trace, where that is known."""
        self.frames.append(event)
        if self._base is None and _enters(event, self._task):
            self._base = event.depth
        if self._base is None or event.depth < self._base:
            return
        if self._base:
            event = event.at(event.depth - self._base)
        if depth is None:
            depth = self._scopes.whole(event)
            self._scopes.follow(event.at(depth))
        self._tell(event.at(depth))
        if event.kind == "call" and len(self.events) - 1 in self._left_out:
            self._state = self.state.left_out()

    def _tell(self, event: Event) -> None:
        """An event is told as part of the trace."""
        told, is_known = self._told(event)
        if told is not None and "unknown" in told.provenance.values():
            told = self._labels.of(told)
        if told is None:
            raise Ended(f"what comes after line {self.events[-1].line} is not known" if self.events else NOT_KNOWN)
        self.events.append(told)
        event = told
        self._text += sum(map(len, told.locals.values())) + _NAME * len(told.locals) + len(told.value or "")
        if self._control.on_event is not None:
            self._control.on_event(event)
        if not is_known:
            raise Ended(f"what comes after line {told.line} is not known")
        if self._text > self._control.budget.text:
            raise Ended(f"the values take more than {self._control.budget.text:,} characters to show")
        if len(self.events) >= self._control.budget.events:
            raise Ended(f"the limit of {self._control.budget.events} events was reached")

    def _told(self, event: Event) -> tuple[Event | None, bool]:
        """An event as it is told, without what is not sure enough, None if nothing is left; and whether all that comes
        after it is not sure enough either."""
        sure = self._control.budget.sure
        doubtful = {name for name, confidence in event.confidences.items() if confidence < sure}
        is_known = event.confidence is None or event.confidence >= sure
        if doubtful:
            event = replace(
                event,
                locals={name: UNKNOWN if name in doubtful else text for name, text in event.locals.items()},
                value=UNKNOWN if "value" in doubtful else event.value,
                provenance={**event.provenance, **dict.fromkeys(doubtful, "unknown")},
                confidences={name: sure for name, sure in event.confidences.items() if name not in doubtful},
            )
        if is_known or any(origin in ("given", "computed", "remembered") for origin in event.provenance.values()):
            return event, is_known
        return None, False

    def _write(self) -> Generator[Pass, Answer, None]:
        """Have the model write the next frame."""
        writer, transcript = self._begun()
        frame = Frame(transcript.grammar, self.state, self._expected())
        if not frame.possible:
            frame = Frame(transcript.grammar, self.state)
        yield from writer.frame(frame)
        self._trust.goes(frame.chance(None))
        event = frame.event()
        if self._base is None and _enters(event, self._task):
            given = {name for name, text in self._prompt.arguments.given.items() if event.locals.get(name) == text}
            event = replace(event, provenance={**event.provenance, **dict.fromkeys(given, "given")})
        whole = event.depth if self._base is None else self._scopes.whole(event)
        self._wrote(frame, self._trust.written(event.at(whole)).at(event.depth))

    def _expected(self) -> Known:
        """What is known of the next frame: that the call gets into the function, which it is made for."""
        if self._base is None and self.frames[-1].kind == "line":
            function = self._task.function
            return Known("call", frozenset((function.first_line,)), function_name(function))
        return NOTHING_KNOWN

    def _wrote(self, frame: Frame, event: Event, depth: int | None = None) -> None:
        """The writer has written a frame, which is `event`; `depth` as for `happened`."""
        assert self._transcript
        self._transcript.wrote()
        self._state, self._followed = frame.after(event), len(self.frames) + 1
        self.happened(event, depth)

    def _begun(self) -> tuple[Writer, Transcript]:
        """The writer and its text, up to the latest frame. The model is loaded when it is first needed."""
        if self.writer is None or self._transcript is None:
            engine = self._engine()
            self.writer = Writer(engine, self._control.budget, self._control.cancel)
            self._transcript = Transcript(engine, self.writer, self._prompt, self.frames)
            if self._drafts:
                self.writer.drafter = Drafter(
                    self._transcript.grammar, self._prompt.source, self.frames, self._foresight
                )
                self.writer.onward = None if self._left_out else self._onward  # which goes through all steps
        self._transcript.catch_up()
        return self.writer, self._transcript

    def _onward(self, frame: Frame, begun: Sequence[int], kind_only: bool) -> Continuation:
        """What an engine that writes by itself is told, in the middle of a frame."""
        foreseen = self._foresight.ahead(self.frames, _AHEAD) if self._foresight is not None else []
        most = self._control.budget.events - len(self.events)
        if foreseen and len(foreseen) < _AHEAD:  # more may be foreseen once it is known how these went
            most = min(most, max(_ENOUGH, len(foreseen) + 1))
        functions = [self._task.function, *namesakes(self._task.source, self._task.function)]
        return Continuation(
            self._prompt.source,
            self.frames,
            frame.grammar.value_tokens,
            self._prompt.arguments,
            begun,
            frame.known,
            "kind" if kind_only else "end" if self._alone else "frame",
            most,
            entries=[(one.first_line, function_name(one)) for one in functions],
            base=self._base,
            foreseen=foreseen,
        )

    def _trace(self, outcome: Outcome) -> Trace:
        """The trace of the events so far."""
        stats = Stats(
            events=len(self.events),
            tokens=self.writer.written if self.writer else 0,
            forward_passes=self.writer.passes if self.writer else 0,
            seconds=time.monotonic() - self._started,
            interventions=self.writer.interventions if self.writer else 0,
        )
        task = self._task
        return Trace(
            task.function.qualname, task.call, task.path, "predicted", task.source, tuple(self.events), outcome, stats,
            self.reads, self.runs,
        )  # fmt: skip


def _enters(event: Event, task: Task) -> bool:
    """Whether an event is the call of the task's function."""
    return any(is_entry(event, one) for one in namesakes(task.source, task.function))
