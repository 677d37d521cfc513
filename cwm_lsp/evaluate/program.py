"""Many calls of one file's functions, of which only what comes of them is wanted."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from cwm_lsp.evaluate.endless import Unprovable
from cwm_lsp.evaluate.evaluation import Evaluation, definitions, parsed_file, prepared
from cwm_lsp.evaluate.interpreter import Interpreter
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.observed import Called, Observed
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.standing import Standing
from cwm_lsp.evaluate.values import GaveUp
from cwm_lsp.evaluate.world import Around
from cwm_lsp.source.functions import find, namesakes

SHOWN = "its steps are not shown"


class Program:
    """A file whose functions are called again and again, without events: `Evaluation` for searches.

    Every call finds the modules as importing them leaves them; they are loaded again only after a call that may have
    changed something in them. For one thread at a time. Raises SyntaxError if the source does not parse.
    """

    def __init__(self, source: str, *, module: str = "__main__", around: Around | None = None) -> None:
        self._source = source
        self._module = module
        self._tree, self._scopes, _ = parsed_file(source)
        self._world = around.world(source) if around is not None else None
        self._nodes = definitions(self._tree)
        self._meant: dict[str, list[ast.AST]] = {}
        """The definitions of each function that has been called."""
        self._standing: Standing | None = None
        """The modules, if the last call has left them as they were."""
        self._under_way: _Call | None = None
        self.reads: set[str] = set()
        """The other files that the calls so far depend on, as in `Evaluation`."""

    def call(self, call: str, function: str | None = None, *, limits: Limits | None = None) -> Called:
        """What comes of a call: source text, in the scope of the file. `function`, `limits` as in `Evaluation`.

        Raises SyntaxError if the call does not parse, UserError if the file has no such function.
        """
        self._under_way = evaluation = _Call(self, call, function, limits)
        for _ in evaluation:
            pass
        return evaluation.called()

    def close(self) -> None:
        """End the call under way, from another thread."""
        if self._under_way is not None:
            self._under_way.close()

    def _definitions(self, function: str) -> list[ast.AST]:
        found = self._meant.get(function)
        if found is None:
            meant = namesakes(self._source, find(self._source, function, "the file"))
            found = self._meant[function] = [self._nodes[one.def_line, one.name] for one in meant]
        return found


class _Call(Evaluation):
    """One of its calls."""

    def __init__(self, program: Program, call: str, function: str | None, limits: Limits | None) -> None:
        self._over = False
        self._begin(limits)
        self._program = program
        self._is_loaded = program._standing is not None
        if program._standing is not None:
            self.interpreter = program._standing.interpreter
            self.runtime = program._standing.runtime
            self.runtime.prepare_for(self.limits)
        else:
            self.runtime = Runtime(self.limits, self._emit, self._ask, self._elsewhere)
            self.runtime.observed = Observed()
            self.runtime.muted = SHOWN
            self.interpreter = Interpreter(
                self.runtime, program._tree, program._module, program._world, scopes=program._scopes
            )
        self.call = prepared(call)
        runtime = self.runtime
        runtime.emit_event, runtime.ask_model, runtime.elsewhere = self._emit, self._ask, self._elsewhere
        runtime.program = f"{program._source}\n{call}"
        runtime.targets = (
            None if function is None else frozenset(map(self.interpreter.code_of, program._definitions(function)))
        )
        runtime.cancelled = False
        self._asked: str | None = None

    def close(self) -> None:
        if not self._over:  # the modules are the next call's by then
            super().close()

    def called(self) -> Called:
        outcome, gave_up = self.outcome, self.gave_up
        if outcome is not None and outcome.cut == SHOWN:
            outcome, gave_up = replace(outcome, cut=None), None
        elif gave_up == SHOWN:
            gave_up = self._asked or "how it ends depends on something that differs from run to run"
        return Called(outcome, gave_up, self.exhausted, self._lines, self._comparisons, self._seconds)

    def _ask(self, question: Question) -> Any:
        if question.suggestions:
            return dict(question.suggestions)
        self._asked = f"line {question.line} depends on something that cannot be known"
        raise GaveUp(self._asked)

    def _load(self) -> None:
        standing = self._program._standing
        if self._is_loaded and standing is not None:
            standing.begin()
        else:
            super()._load()
            self._keep()

    def _keep(self) -> None:
        try:
            self._program._standing = Standing(self.interpreter)
        except Unprovable:
            self._program._standing = None

    def _let_go(self) -> None:
        runtime, standing = self.runtime, self._program._standing
        observed = runtime.observed
        assert observed is not None
        self._lines, self._comparisons = frozenset(observed.lines), tuple(observed.comparisons)
        observed.clear()
        self._seconds = runtime.worked
        self._over = True
        self._program.reads.update(self.reads)
        runtime.closed = True  # what is let go of now is not of the call
        runtime.left = runtime.frame = None
        if standing is not None and standing.holds():
            standing.restore()
        else:
            self._program._standing = None
            super()._let_go()
