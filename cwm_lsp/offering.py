"""Which calls are worth offering: the evaluator tells whether one gets into its function, and whether made-up arguments
fit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Called, Evaluator, Limits
from cwm_lsp.search.fitting import fitting, may_not_fit
from cwm_lsp.source.bind import outer_function
from cwm_lsp.source.calls import Call
from cwm_lsp.source.functions import Function
from cwm_lsp.source.imported import Place
from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.facts import MAY_NOT_FIT, NOT_ENTERED

_LIMITS = Limits(operations=200_000, seconds=0.5)
"""Of one try."""


@dataclass(frozen=True)
class Offering:
    """The calls of one function of a file that is at `around`, as the module of that name."""

    source: str
    function: Function
    module: str
    around: Around
    evaluator: Evaluator
    cancel: threading.Event | None = None

    def best(self, calls: Sequence[Call]) -> Call:
        """The first of some calls that is worth it. Nothing is evaluated where that is plain.

        Raises:
            UserError: none gets into the function.
            UnavailableError, Cancelled: as `Evaluator.call_each`.
        """
        is_inside = outer_function(self.function, self.source) is not None
        best = next((call for call in calls if not (is_inside or call.indirect) or self.may_enter(call)), None)
        if best is None:
            raise UserError(f"no call that gets into {self.function.qualname} is known: give one with --call")
        return best if best.origin != "defaults" else replace(best, expression=self.fitted(best.expression))

    def fitted(self, call: str) -> str:
        """A made-up call, with other arguments if these do not fit."""
        place = partial(Place.of, self.around.path, self.source)
        return fitting(self.source, self.function, call, self._attempt, place)

    def may_enter(self, call: Call) -> bool:
        """Whether a call may get into the function, as far as it can be computed."""
        return all(called.gave_up != NOT_ENTERED for called in self._attempt([call.expression]))

    def _attempt(self, calls: Sequence[str]) -> Iterator[Called]:
        return self.evaluator.call_each(
            self.source,
            calls,
            self.function.qualname,
            limits=_LIMITS,
            cancel=self.cancel,
            module=self.module,
            around=self.around,
        )


def doubted(trace: Trace, function: Function) -> Trace:
    """The trace of a made-up call, whose outcome says so if that is the arguments' fault, as far as one can tell."""
    if not may_not_fit(trace.source, function, trace):
        return trace
    return replace(trace, outcome=replace(trace.outcome, detail=MAY_NOT_FIT))
