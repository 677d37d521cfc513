"""What a debug session is handed: predictions and their forks, recorded runs, expressions evaluated on their way."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_lsp.dap.backend import Control
from cwm_lsp.errors import Cancelled, UserError
from cwm_lsp.evaluate import Evaluating, Evaluator, Limits
from cwm_lsp.evaluate.replaying import look
from cwm_lsp.jobs import keep, predict_with, task_of
from cwm_lsp.source.calls import Call
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import find
from cwm_lsp.target import Target, resolve
from cwm_lsp.trace.events import Event, Outcome, Provenance, Trace
from cwm_lsp.trace.facts import is_remembered
from cwm_lsp.trace.interventions import NOT_SEEN, Intervention, Look, Looked, Visit

if TYPE_CHECKING:
    from cwm_lsp.predict.predictor import Predictor
    from cwm_lsp.record.recorder import RecorderPool
    from cwm_lsp.settings import Settings

_REMEMBERED: dict[Provenance, Provenance] = {"predicted": "remembered"}
_SECONDS = 4.0
"""That one evaluation for looks may take."""


class Debugger:
    """The backend of debug sessions. `predictor` gives the one that holds the model, and is asked when it is needed."""

    def __init__(
        self,
        settings: Settings,
        predictor: Callable[[], Predictor],
        recorders: Callable[[], RecorderPool] | None = None,
    ) -> None:
        """`recorders` gives what runs calls, and is asked when one is to be run; None: nothing is run."""
        self._settings = settings
        self._predictor = predictor
        self._recorders = recorders
        self._evaluator = Evaluator()

    def asked(self, program: str, function: str | None, call: str | None) -> Trace:
        """The trace of a call before its first event."""
        its = resolve(program, function, call)
        nothing = Outcome("truncated", detail="it is being predicted")
        return Trace(its.function.qualname, its.call.expression, program, "predicted", its.source, (), nothing)

    def predict(self, trace: Trace, interventions: Sequence[Intervention], control: Control) -> Trace:
        """The prediction of a trace's call, with interventions made on its way."""
        settings = self._settings
        return self._predict(trace, interventions, control, settings.hints.min_confidence, settings.record.remember)

    def sample(self, trace: Trace, interventions: Sequence[Intervention], seed: int, control: Control) -> Trace:
        """The same, where the model draws by chance; it is told however unlikely it is, and nothing is remembered."""
        return self._predict(trace, interventions, control, 0.0, False, seed)

    def _predict(
        self,
        trace: Trace,
        interventions: Sequence[Intervention],
        control: Control,
        sure: float,
        remember: bool,
        seed: int | None = None,
    ) -> Trace:
        settings = self._settings
        return predict_with(
            self._predictor(),
            settings.predict,
            _target(trace),
            lambda: None,
            control.cancel,
            settings.record.python,
            settings.record.scope,
            sure,
            remember,
            interventions,
            control.heard,
            seed,
        )

    def run(self, trace: Trace, control: Control, until: Visit | None = None) -> Trace:
        """What really happens at a trace's call."""
        from cwm_lsp.record.scope import Limits

        if self._recorders is None:
            raise UserError("the workspace is not trusted, so nothing of it is run: trust it first")
        record = self._settings.record
        ran = self._recorders().record(
            Path(trace.path),
            trace.function,
            trace.call,
            python=Path(record.python) if record.python else None,
            timeout=record.timeout,
            limits=Limits(until=None if until is None else (until.line, until.function, until.path, until.number)),
            scope=record.scope,
            sandbox=record.sandbox,
            on_event=control.heard,
            cancel=control.cancel,
            source=trace.source,
        )
        if control.cancel.is_set():
            raise Cancelled
        if record.remember and until is None:
            keep(ran)
        return ran

    def runs(self, program: str) -> Sequence[tuple[str, str, str]]:
        """The recorded runs of a file that its text is still that of."""
        from cwm_lsp.record.store import TraceStore

        return TraceStore.of(program).latest(program, read_source(Path(program)))

    def recorded(self, program: str, function: str | None, call: str | None) -> Trace:
        """The latest recorded run of a call; None: of whatever was recorded last of the file."""
        from cwm_lsp.record.store import TraceStore

        source = read_source(Path(program))
        store = TraceStore.of(program)
        for its_function, its_call, _ in store.latest(program, source):
            if function in (None, its_function) and call in (None, its_call):
                trace = store.trace(program, its_function, its_call, source)
                if trace is not None:
                    return trace
        what = call or function or Path(program).name
        raise UserError(f"no run of {what} is kept that the file is still the text of: run it first, then replay it")

    def look(self, trace: Trace, interventions: Sequence[Intervention], looks: Sequence[Look]) -> Sequence[Looked]:
        """Expressions evaluated on the way of a trace: in its state, as the evaluator follows it; where it does not, by
        the reprs of what they name."""
        found = [NOT_SEEN] * len(looks)
        if trace.origin == "predicted":
            task = task_of(_target(trace), self._settings.record.python, self._settings.record.scope)

            def begin(left: Sequence[Look]) -> Evaluating:
                return self._evaluator.evaluate(
                    task.source,
                    task.call,
                    task.function.qualname,
                    module=task.module,
                    limits=Limits(events=max(look.step for look in left) + 2, seconds=_SECONDS),
                    around=task.around,
                    interventions=tuple(interventions),
                    looks=tuple(left),
                )

            found = look(begin, trace.events, looks)
            if is_remembered(trace):  # nothing of it is a guess
                found = [replace(one, provenance=_REMEMBERED.get(one.provenance, one.provenance)) for one in found]
        blind = [number for number, one in enumerate(found) if one == NOT_SEEN]
        for number, one in zip(blind, self._by_reprs(trace, [looks[number] for number in blind]), strict=True):
            found[number] = one
        return found

    def _by_reprs(self, trace: Trace, looks: Sequence[Look]) -> list[Looked]:
        """Expressions over the values of variables, as far as the reprs of these are literals."""
        found = dict.fromkeys(looks, NOT_SEEN)
        calls: dict[tuple[str, tuple[str, ...]], dict[Look, str]] = {}
        sources: dict[Look, Provenance] = {}
        for one in looks:
            state, free = _state(trace.events, one), _free(one.expression)
            if state is None or free is None:
                continue
            given = sorted(free & state.locals.keys())
            texts = [state.locals[name] for name in given]
            if free <= {*given, *dir(builtins)} and all(_is_literal(state, name) for name in given):
                calls.setdefault((one.expression, tuple(given)), {})[one] = f"look({', '.join(texts)})"
                guessed = any(state.provenance.get(name) == "predicted" for name in given)
                sources[one] = "predicted" if guessed else "computed"
        for (expression, names), its in calls.items():
            source = f"def look({', '.join(names)}):\n    return ({expression})\n"
            ends = self._evaluator.call_each(source, [*its.values()], "look", limits=Limits(seconds=_SECONDS))
            for one, called in zip(its, ends, strict=True):
                found[one] = _looked(called.outcome, sources[one])
        return [found[one] for one in looks]


def _target(trace: Trace) -> Target:
    """What a trace is of, as it was then."""
    return Target(
        trace.path, trace.source, find(trace.source, trace.function, trace.path), Call(trace.call, "typed", None, None)
    )


def _state(events: Sequence[Event], look: Look) -> Event | None:
    """The event that shows the variables of the scope that a look is in."""
    for index in range(look.step, -1, -1):
        event = events[index]
        if event.depth == look.depth and event.kind in ("call", "line"):
            return event
        if event.depth < look.depth:
            return None
    return None


def _free(expression: str) -> set[str] | None:
    """The names that an expression reads; None where it asks which objects are the same, or is none."""
    try:
        nodes = list(ast.walk(ast.parse(expression.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {node.id: node.ctx for node in nodes if isinstance(node, ast.Name)}
    if "id" in names or any(isinstance(node, ast.Is | ast.IsNot) for node in nodes):
        return None
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names.keys() - bound - {node.arg for node in nodes if isinstance(node, ast.arg)}


def _is_literal(event: Event, name: str) -> bool:
    """Whether the repr of a variable has its value."""
    if event.provenance.get(name) == "unknown":
        return False
    try:
        ast.literal_eval(event.locals[name])
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _looked(outcome: Outcome | None, source: Provenance) -> Looked:
    if outcome is not None and outcome.exception is not None:
        return Looked(None, error=f"{outcome.exception.type}: {outcome.exception.message}".removesuffix(": "))
    return NOT_SEEN if outcome is None or outcome.value is None else Looked(outcome.value, source)
