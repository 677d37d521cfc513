"""The worker's side of checks: verdicts of a document's tests, calls that crash its functions; on command, real runs.

What it tells has the form that `checked` reads.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from cwm_lsp.errors import Cancelled, UserError
from cwm_lsp.evaluate import Around, Evaluator, Limits, Question
from cwm_lsp.lsp.checked import Step
from cwm_lsp.search.crash import Crash
from cwm_lsp.search.crashes import crashes, known, wanted
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.workspace import File, attempt_in, tests_of
from cwm_lsp.source.bind import dotted
from cwm_lsp.source.environment import layout, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.source.trees import expression_of, tree_of
from cwm_lsp.trace.events import Event
from cwm_lsp.trace.exceptions import unwinding
from cwm_lsp.verdicts.configuration import configuration
from cwm_lsp.verdicts.discovery import Docstring, find
from cwm_lsp.verdicts.performing import Performer
from cwm_lsp.verdicts.programs import NAMED, Subject
from cwm_lsp.verdicts.real import held_against, outcomes
from cwm_lsp.verdicts.verdict import Verdict
from cwm_lsp.verdicts.workspace import File as Tested
from cwm_lsp.verdicts.workspace import shown

Message = dict[str, Any]

LIMITS = Limits(events=200_000, operations=10_000_000, seconds=10.0)
"""Of one evaluation of tests while somebody types."""
_TRAIL = Limits(events=20_000, operations=2_000_000, seconds=2.0)
TRAILS = 10
"""Failing tests of a file of which the way to the failure is looked for."""
STEPS = 6
"""Of such a way, the last ones."""
BUDGETS = (Budget(calls=64, seconds=0.4, stale=64), Budget(calls=400, seconds=3.0))
"""Of the search for crashes of one function: at first, and when there is time."""
SHORT = 60
"""Characters of a value that is told on the way."""


class Checker:
    """Holds the evaluator that checks."""

    def __init__(self) -> None:
        self._evaluator = Evaluator()

    def verdicts(self, job: Message, cancel: threading.Event) -> Iterator[Message]:
        """The tests of a document, as they are known; the last message has the files that they depend on."""
        path, text = Path(job["path"]).absolute(), job["source"]
        options = configuration(project(path))
        is_test = options.is_test_file(path)
        if not (is_test or ">>>" in text):
            return
        found = find(text)
        if found.problem is not None:
            return
        subject = Subject(path, text, job["python"], options, job["texts"])
        performer = Performer(self._evaluator, LIMITS, cancel)
        places = _Places(text, found.docstrings)
        trails = 0
        for verdict in performer.verdicts(subject, shown(path, options.root), is_test=is_test):
            told = places.of(verdict)
            if verdict.verdict == "fail" and told["call"] is not None and trails < TRAILS:
                trails += 1
                told["steps"] = [asdict(step) for step in self._trail(job, told["call"])]
            yield {"tests": [told]}
        yield {"reads": sorted(performer.reads)}

    def crashes(self, job: Message, cancel: threading.Event) -> Message:
        """The crashes of one function, searched as thoroughly as the `round` says."""
        path = Path(job["path"]).absolute()
        file = File(job["path"], path, job["source"], job["python"], job["texts"])
        function = next((one for one in wanted(file.text) if one.qualname == job["function"]), None)
        if function is None:
            return {"crashes": []}
        facts = known(file.text, [function], str(path), tests_of(path))[0]
        trying = partial(attempt_in(self._evaluator, file, cancel), file.text, function.qualname)
        found = crashes(
            file.text, function, trying, known=facts, where=file.where(), budget=BUDGETS[job["round"]],
            deliberate=job["deliberate"],
        )  # fmt: skip
        if cancel.is_set():
            raise Cancelled
        return {"crashes": [self._told(job, function, crash) for crash in found.crashes]}

    def _told(self, job: Message, function: Function, crash: Crash) -> Message:
        events = self._events(job, crash.call, function.qualname)
        steps = [_step(event, f"called from {event.function}") for event in unwinding(events)[1:]]
        steps.append(Step(None, function.def_line, f"called as {crash.call}"))
        return {
            "crash": crash.to_json(),
            "steps": [asdict(step) for step in steps],
            "entered": sorted({function.def_line, *(event.line for event in events if event.path is None)}),
        }

    def run(self, job: Message, cancel: threading.Event) -> Message:
        """Run tests of a document for real; gives those verdicts that the run replaces.

        Raises:
            UserError: the document is not as on disk.
            UnavailableError: pytest cannot be run.
        """
        path, text = Path(job["path"]).absolute(), job["source"]
        if read_source(path) != text:
            raise UserError(f"{path.name} has changes that are not saved: save it, then run its tests")
        root = project(path)
        name = shown(path, root)
        file = Tested(path, name, configuration(root).is_test_file(path), text)
        said = [Verdict.from_json(row) for row in job["verdicts"]]
        tests = [one.test.removeprefix(f"{name}::") for one in said]
        only = {str(path): [test for test in tests if "::doctest:" not in test]} if job["chosen"] else {}
        if job["chosen"] and not any(only.values()):
            file = Tested(path, name, False, text)
        real = outcomes([file], root, job["python"], job["timeout"], only, cancel)
        ran = [one for one in held_against(said, [file], real) if one.predicted is not None]
        return {"verdicts": [verdict.to_json() for verdict in ran]}

    def _events(self, job: Message, call: str, function: str | None) -> list[Event]:
        """The steps of a call, as far as they are known."""
        path = Path(job["path"]).absolute()
        place = layout(path, job["source"])
        named = NAMED if configuration(project(path)).is_test_file(path) else {}
        around = Around(str(path), job["python"], str(place.root), job["texts"], named)
        events: list[Event] = []
        with self._evaluator.evaluate(
            job["source"], call, function, limits=_TRAIL, around=around, module=place.module
        ) as evaluating:
            for step in evaluating:
                if isinstance(step, Question):
                    break
                events.append(step)
        return events

    def _trail(self, job: Message, call: Mapping[str, str]) -> list[Step]:
        """The last steps on the way to what fails: the calls from which an exception came, else what was bound and
        what was returned."""
        events = self._events(job, call["call"], call["function"])
        raised = unwinding(events)
        if len(raised) > 1:
            return [_step(one, f"in {one.function}, by {call['call']}") for one in raised[:STEPS]]
        steps: list[Step] = []
        before: Event | None = None
        for event in _without_unwound(events):
            if event.kind == "line" and event.depth == 0:
                if before is not None:
                    steps += _changed(before, event)
                before = event
            elif event.kind == "return" and event.depth <= 1 and not event.function.startswith("<"):
                steps.append(_step(event, f"{event.function} returns {_short(event.value or '')}"))
        return steps[-STEPS:]


class _Places:
    """Where in a text its tests are."""

    def __init__(self, text: str, docstrings: Sequence[Docstring]) -> None:
        self._functions = functions(text)
        self._by_line = {function.def_line: function for function in self._functions}
        self._names = {function.qualname for function in self._functions}
        self._examples = {
            line: example
            for docstring in docstrings
            for line, example in zip(docstring.lines, docstring.examples, strict=True)
        }
        self._asserts = dict(_asserts(text))

    def of(self, verdict: Verdict) -> Message:
        """A verdict and its place, as `checked.Test` reads it."""
        told: Message = {"verdict": verdict.to_json(), "steps": [], "asserts": [], "call": None, "mark": verdict.line}
        if "::doctest:" in verdict.test:
            example = self._examples[verdict.line]
            around = [one for one in self._functions if one.first_line <= verdict.line <= one.last_line]
            function = min(around, key=lambda one: one.last_line - one.first_line, default=None)
            shown_from = verdict.line + example.source.count("\n")
            if example.exc_msg is not None:
                told["mark"] = shown_from + example.want.count("\n") - 1
            elif example.want:
                told["mark"] = shown_from
            called = _called(example.source)
            if called in self._names:
                told["call"] = {"function": called, "call": example.source.strip()}
        else:
            function = self._by_line.get(verdict.line)
            told["asserts"] = self._asserts.get(verdict.line, [])
            if function is not None and function.kind == "function" and not function.parameters:
                told["call"] = {"function": function.qualname, "call": f"{function.name}()"}
        extent = (function.first_line, function.last_line) if function is not None else (verdict.line, verdict.line)
        return {**told, "first": extent[0], "last": extent[1], "is_doctest": "::doctest:" in verdict.test}


def _asserts(text: str) -> Iterator[tuple[int, list[int]]]:
    """Functions, by the line of their `def`, and the lines of the assertions that each comes to whatever happens."""
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.FunctionDef):
            lines = []
            for statement in node.body:
                if _is_assertion(statement):
                    lines.append(statement.lineno)
                if any(isinstance(inner, ast.Return | ast.Raise) for inner in ast.walk(statement)):
                    break
            yield node.lineno, lines


def _is_assertion(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assert():
            return True
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("self"), attr=name))):
            return name.startswith("assert")
    return False


def _called(source: str) -> str | None:
    """The name of what an expression calls."""
    try:
        node = expression_of(source.strip())
    except (SyntaxError, ValueError):
        return None
    return dotted(node.func) if isinstance(node, ast.Call) else None


def _changed(before: Event, after: Event) -> Iterator[Step]:
    """What a line has bound, in words."""
    for name, value in after.locals.items():
        if before.locals.get(name) != value and not value.startswith("<"):
            yield Step(None, before.line, f"{name} = {_short(value)}")


def _without_unwound(events: Sequence[Event]) -> Iterator[Event]:
    """The events, but for returns by which an exception leaves a scope."""
    for earlier, event in zip([None, *events], events, strict=False):
        if event.kind != "return" or earlier is None or earlier.kind != "exception":
            yield event


def _step(event: Event, told: str) -> Step:
    return Step(Path(event.path).as_uri() if event.path is not None else None, event.line, told)


def _short(value: str) -> str:
    return value if len(value) <= SHORT else f"{value[: SHORT - 1]}…"
