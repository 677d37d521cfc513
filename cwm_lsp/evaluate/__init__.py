"""What can be known is computed: a pure, total interpreter of Python syntax trees.

`Evaluation` steps through one call of a function and yields the events that `sys.settrace` would report on CPython
3.11, without running any user code: syntax trees are interpreted over values of allow-listed builtin types and an
allow-list of pure standard library; every step is bounded in operations, size and time.

    evaluation = Evaluation(source, "f([1, 2], key=3)", function="f")     # the call is source text
    for step in evaluation:
        if isinstance(step, Question):      # something that cannot be known
            evaluation.answer(...)          # before the next step; see `Question` for what an answer is
        else:
            ...                             # an `Event`, complete, with its provenance
    evaluation.outcome                      # how the call ended; None if the evaluation gave up before its end
    evaluation.gave_up                      # then: why, in one sentence

The call is evaluated in the scope of the file, untraced; the trace begins when `function` (a qualified name) is first
entered. `function=None` means the first function of the file that the call enters.

Provenance of a value: `given` (an argument of the traced call, as it was passed), `computed`, or `predicted` (it may
depend on an answer, or on something that differs from run to run such as the order of a set of strings). What is
called `computed` is what every run shows: when in doubt, the value is asked for, or the evaluation gives up.

Questions come only where the trace needs them, so an evaluation of a fully known call asks none. An evaluation runs in
a thread of its own, for the depth of its stack; `close()` (or leaving it as a context manager) ends it early.

`Program` makes many calls of one file's functions, and tells only what comes of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.evaluator import Evaluating, Evaluator
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.observed import ASKING, FAILS_BEFORE, Called, Comparison
from cwm_lsp.evaluate.questions import Answer, Question
from cwm_lsp.evaluate.world import Around

if TYPE_CHECKING:
    from cwm_lsp.evaluate.evaluation import Evaluation
    from cwm_lsp.evaluate.program import Program

__all__ = [
    "ASKING", "FAILS_BEFORE", "Answer", "Around", "Called", "Comparison", "Evaluating", "Evaluation", "Evaluator",
    "Limits", "Program", "Question",
]  # fmt: skip

_INTERPRETING = {"Evaluation": "evaluation", "Program": "program"}
"""What evaluates in this process, and its modules: whoever has another one do so need not load the interpreter."""


def __getattr__(name: str) -> Any:
    if name not in _INTERPRETING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_INTERPRETING[name]}"), name)
