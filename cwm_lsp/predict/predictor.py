"""`Predictor`: a call in, its predicted trace out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, TypeVar

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.predict import engines
from cwm_lsp.predict.batch import drive
from cwm_lsp.predict.decode import Answer, Budget, Ended
from cwm_lsp.predict.engines.interface import Engine, Pass
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.free import FreePrediction
from cwm_lsp.predict.locked import LockedPrediction
from cwm_lsp.predict.memory import Run
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.predict.score import AT_LEAST, EXPECTING, SECONDS, Reading, Scorer, Surprise
from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.scopes import within_file

__all__ = ["Assist", "Budget", "Predictor", "Run", "Task"]

Assist = Literal["off", "draft", "lock"]
Result = TypeVar("Result")
DEFAULT_BUDGET = Budget()


class Predictor:
    """Owns one engine, which is loaded when a model is first needed. One prediction at a time; `predict` may be called
    from any thread."""

    def __init__(self, load: Callable[[], Engine], name: str) -> None:
        self._load = load
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self.evaluator = Evaluator()
        """Computes what can be known, in a process of its own."""
        self.evaluator.start()
        self.name = name

    @classmethod
    def load(cls, name: str = engines.BUNDLED, **options: Any) -> Predictor:
        """The predictor of a model: `bundled`, a folder, a hub id, a URL; `options` are those of `engines.Options`.

        Raises:
            UnavailableError: there is no such model; the message says what to do.
        """
        model = engines.Options(name, **options)
        engines.check(model)
        return cls(lambda: engines.load(model), name)

    @classmethod
    def of(cls, engine: Engine) -> Predictor:
        """The predictor of an engine that is loaded."""
        return cls(lambda: engine, engine.name)

    @property
    def engine(self) -> Engine:
        """The engine, loaded if it was not.

        Raises:
            UnavailableError: it cannot be run.
        """
        if self._engine is None:
            self._engine = self._load()
        return self._engine

    @property
    def loaded(self) -> bool:
        """Whether the engine is there."""
        return self._engine is not None

    def _for(self, cancel: threading.Event | None) -> Engine:
        """The engine, for work that `cancel` ends."""
        self.engine.cancel = cancel
        return self.engine

    def predict(
        self,
        task: Task,
        *,
        assist: Assist = "lock",
        budget: Budget = DEFAULT_BUDGET,
        on_event: Callable[[Event], None] | None = None,
        cancel: threading.Event | None = None,
        runs: Sequence[Run] = (),
        drafts: bool = True,
        grammar: bool = True,
    ) -> Trace:
        """The trace that the model expects of a call. Nothing of the program is run.

        `on_event` gets each event as soon as it is complete. Where the budget or the model's context ends first, the
        trace is `truncated` and its outcome says why. With `assist` "lock", what the evaluator does not know is taken
        from earlier `runs`, as far as they hold, before the model is asked. Without `drafts` every chosen token costs a
        forward pass; the trace is the same. Without `grammar` the model writes what it likes, undrafted and unassisted;
        marks of events say what is wrong with them.

        Raises:
            UserError: the call does not fit the function.
            UnavailableError: the model cannot be run.
            Cancelled: `cancel` was set; at most one forward pass later.
        """
        control = Control(budget, on_event, cancel, self.evaluator, runs)
        prediction = self._prediction(task, assist, control, drafts=drafts, grammar=grammar)
        with self._lock:
            return self._drive([prediction.run()])[0]

    def predict_all(
        self,
        tasks: Sequence[Task],
        *,
        assist: Assist = "lock",
        budget: Budget = DEFAULT_BUDGET,
        cancel: threading.Event | None = None,
    ) -> list[Trace]:
        """The traces of several calls, predicted in step: their forward passes are made together, and a program that
        they share is read once. Raises as `predict`."""
        predictions = [self._prediction(task, assist, Control(budget, None, cancel, self.evaluator)) for task in tasks]
        with self._lock:
            return self._drive([prediction.run() for prediction in predictions])

    def _prediction(
        self, task: Task, assist: Assist, control: Control, *, drafts: bool = True, grammar: bool = True
    ) -> Prediction:
        kind = FreePrediction if not grammar else LockedPrediction if assist == "lock" else Prediction
        foresight = Foresight(task, control.evaluator) if assist == "draft" and grammar else None

        def engine() -> Engine:
            return self._for(control.cancel)

        return kind(task, prepare(task), engine, control, drafts=drafts, foresight=foresight)

    def score(self, trace: Trace, *, cancel: threading.Event | None = None) -> list[Surprise]:
        """How surprised the model is by each event of a recorded trace, the first excepted; what it had expected.

        Raises what `read` does.
        """
        return list(self.read(trace, cancel=cancel).surprises)

    def read(
        self,
        trace: Trace,
        *,
        cancel: threading.Event | None = None,
        expecting: int = EXPECTING,
        at_least: float = AT_LEAST,
        seconds: float = SECONDS,
        on_read: Callable[[int], None] = lambda _events: None,
    ) -> Reading:
        """The same, with what it cost. At most `expecting` tokens are spent on what was expected, and on no value that
        the model finds less likely than `at_least`. What has not been read in so many seconds is left out. `on_read` is
        told how many events have been read.

        Raises:
            UserError: the traced function is not in the trace's source, or too long for the model's context.
            UnavailableError: the model cannot be run.
            Cancelled: `cancel` was set; at most one forward pass later.
        """
        within, indices = within_file(trace)
        if len(within.events) < 2:
            return Reading()
        with self._lock:
            try:
                scorer = Scorer(
                    self._for(cancel),
                    within,
                    cancel,
                    expecting=expecting,
                    at_least=at_least,
                    seconds=seconds,
                    on_read=on_read,
                )
                reading = self._drive([scorer.run()])[0]
            except Ended as end:
                raise UserError(str(end)) from end
        return reading.at(indices)

    def read_if_possible(
        self,
        trace: Trace,
        *,
        cancel: threading.Event | None = None,
        on_read: Callable[[int], None] = lambda _events: None,
    ) -> Reading:
        """The same for a comparison, which is of use without: where it cannot be done, `detail` says why.

        Raises:
            Cancelled: `cancel` was set; at most one forward pass later.
        """
        try:
            return self.read(trace, cancel=cancel, on_read=on_read)
        except (UserError, UnavailableError) as error:
            return Reading(detail=str(error))

    def _drive(self, work: Sequence[Generator[Pass, Answer, Result]]) -> list[Result]:
        return drive(lambda: self.engine, work)
