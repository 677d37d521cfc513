"""The three things that can be done with a target: predict it, record it, compare both.

Each is a context manager that holds what is dear to start (a loaded model, a warm debuggee) and gives the function that
works through one target after the other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cwm_lsp.target import Target
from cwm_lsp.trace.compare import Divergence, compare
from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.facts import is_doubted, sure_part
from cwm_lsp.trace.interventions import Intervention

if TYPE_CHECKING:
    from cwm_lsp.predict.predictor import Predictor, Run, Task
    from cwm_lsp.predict.score import Reading
    from cwm_lsp.record.recorder import Scope
    from cwm_lsp.settings import Predict, Settings

log = logging.getLogger(__name__)

Advance = Callable[[], None]
"""Called whenever some progress has been made."""
Verdict = Literal["done", "found", "unavailable"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prediction held against a recording."""

    predicted: Trace
    recorded: Trace
    divergences: tuple[Divergence, ...]
    reading: Reading
    """The recording as the model alone sees it, whatever assisted the prediction."""

    def to_json(self) -> dict[str, Any]:
        """As `compare --json` prints it."""
        return {
            "predicted": self.predicted.to_json(),
            "recorded": self.recorded.to_json(),
            "divergences": [divergence.to_json() for divergence in self.divergences],
            "surprise": self.reading.to_json(),
        }


def verdict(result: Trace | Comparison) -> Verdict:
    """Whether something was found that deserves attention, or the work could not be done."""
    if isinstance(result, Comparison):
        recorded = verdict(result.recorded)
        return "found" if recorded == "done" and result.divergences else recorded
    match result.outcome.kind:
        case "return":
            return "done"
        case "exception" | "endless":
            return "done" if is_doubted(result) else "found"
        case "truncated" if result.origin == "predicted":
            return "done"
        case _:  # the run did not come to its end
            return "unavailable"


@contextmanager
def predicting(settings: Settings) -> Iterator[Callable[[Target, Advance], Trace]]:
    """Predict targets with one model. Nothing of the targets is run.

    Raises:
        UnavailableError: the model cannot be loaded.
    """
    from cwm_lsp.predict.predictor import Predictor

    predictor = Predictor.load(**settings.model.model_dump())
    sure = settings.hints.min_confidence
    yield partial(
        predict_with,
        predictor,
        settings.predict,
        python=settings.record.python,
        scope=settings.record.scope,
        sure=sure,
        remember=settings.record.remember,
    )


def predict_with(
    predictor: Predictor,
    settings: Predict,
    target: Target,
    advance: Advance,
    cancel: threading.Event | None = None,
    python: str | None = None,
    scope: Scope = "file",
    sure: float = 0.0,
    remember: bool = False,
    interventions: Sequence[Intervention] = (),
    heard: Callable[[Event], None] = lambda _event: None,
    seed: int | None = None,
) -> Trace:
    """Predict one target with a model that is already there; `cancel` as for `Predictor.predict`, `python` is the
    interpreter that would run it, `scope` is as for `recording`. What is less likely than `sure` is not told; of what a
    model predicts without the evaluator, how the call ends. `remember`: what earlier runs saw is taken where it still
    holds. `interventions` are made on its way; of these, changes by the evaluator alone. `heard` gets each event as
    soon as it is complete. With a `seed` the model draws by chance from what it finds likely."""
    from cwm_lsp.predict.predictor import Budget

    def on_event(event: Event) -> None:
        heard(event)
        advance()

    assisted = settings.assist == "lock"
    trace = predictor.predict(
        replace(task_of(target, python, scope), interventions=tuple(interventions)),
        assist=settings.assist,
        budget=Budget(settings.max_events, settings.max_tokens, settings.timeout, sure if assisted else 0.0, seed=seed),
        on_event=on_event,
        cancel=cancel,
        runs=runs_of(target.path, target.function.qualname, target.call.expression) if remember else (),
    )
    return _doubted(replace(trace, outcome=sure_part(trace, sure).outcome), target)


def _doubted(trace: Trace, target: Target) -> Trace:
    """A trace that says so if made-up arguments may be to blame for how it ends."""
    if target.call.origin != "defaults":
        return trace
    from cwm_lsp.offering import doubted

    return doubted(trace, target.function)


def runs_of(path: str, function: str, call: str) -> list[Run]:
    """The runs of a function that are kept."""
    from cwm_lsp.predict.memory import Run
    from cwm_lsp.record.store import TraceStore

    return [Run(*kept) for kept in TraceStore.of(path).runs(path, function, call)]


def keep(recorded: Trace) -> None:
    """Keep a run, so that its call is offered again and what it saw is remembered. Where that is not possible, there is
    just less to remember."""
    from cwm_lsp.record.store import TraceStore

    try:
        TraceStore.of(recorded.path).add(recorded)
    except OSError as error:
        log.warning("a recorded trace could not be kept: %s", error)


def task_of(target: Target, python: str | None = None, scope: Scope = "file") -> Task:
    """A target as it is predicted; `python` is the interpreter that would run it, `scope` is as for `recording`."""
    from cwm_lsp.evaluate import Around
    from cwm_lsp.predict.predictor import Task
    from cwm_lsp.source.environment import layout
    from cwm_lsp.verdicts.programs import OF_PYTEST

    path = Path(target.path).absolute()
    place = layout(path, target.source)
    around = Around(str(path), python, str(place.root) if scope == "workspace" else None, named=OF_PYTEST)
    return Task(target.path, target.source, target.function, target.call.expression, place.module, around)


@contextmanager
def recording(settings: Settings, scope: Scope = "file") -> Iterator[Callable[[Target, Advance], Trace]]:
    """Run targets under debugpy. `scope` "workspace" also records their calls into other files.

    Raises:
        UnavailableError: the debuggee cannot be started.
    """
    from cwm_lsp.record.recorder import RecorderPool

    with RecorderPool() as pool:

        def record(target: Target, advance: Advance) -> Trace:
            trace = pool.record(
                Path(target.path),
                target.function.qualname,
                target.call.expression,
                python=Path(settings.record.python) if settings.record.python else None,
                timeout=settings.record.timeout,
                scope=scope,
                sandbox=settings.record.sandbox,
                on_event=lambda _event: advance(),
            )
            if settings.record.remember:
                keep(trace)
            return _doubted(trace, target)

        yield record


@contextmanager
def comparing(settings: Settings) -> Iterator[Callable[[Target, Advance], Comparison]]:
    """Predict targets, run them, and hold one against the other.

    Raises:
        UnavailableError: the model or the debuggee cannot be started.
    """
    from cwm_lsp.predict.predictor import Predictor

    predictor = Predictor.load(**settings.model.model_dump())
    with recording(settings, settings.record.scope) as record:

        def compare_both(target: Target, advance: Advance) -> Comparison:
            predicted = predict_with(
                predictor,
                settings.predict,
                target,
                advance,
                python=settings.record.python,
                scope=settings.record.scope,
                sure=settings.hints.min_confidence,
                remember=settings.record.remember,
            )
            recorded = record(target, advance)
            divergences = compare(sure_part(predicted, settings.hints.min_confidence), recorded)
            if predicted.outcome.kind == "truncated":  # how it goes on is not known, and so no difference
                divergences = [divergence for divergence in divergences if divergence.kind != "length"]
            reading = predictor.read_if_possible(recorded, on_read=lambda _events: advance())
            return Comparison(predicted, recorded, tuple(divergences), reading)

        yield compare_both
