"""The verdicts of one file: its tests and doctests are evaluated one after the other, as pytest runs them.

Where one of them cannot be followed to its end, what it would have changed is not known: the evaluation begins anew
with the one after it.
"""

from __future__ import annotations

import ast
import doctest
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluator, Limits, Question
from cwm_lsp.source.files import read_source
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace.events import Event
from cwm_lsp.verdicts.configuration import matches
from cwm_lsp.verdicts.discovery import NUMBER, Docstring, Found, find
from cwm_lsp.verdicts.examples import as_told, depending, reflects, variables
from cwm_lsp.verdicts.programs import DRIVER, Program, Subject, conftests, of_docstrings, of_tests
from cwm_lsp.verdicts.verdict import Verdict, Word

LIMITS = Limits(events=400_000, operations=20_000_000, seconds=20.0)
"""Of one evaluation, which may be of many tests."""
LIKE = 3
"""So many items of one test in a row that give up for the same reason: the others are taken to do so too."""
STEPS = " steps"
"""In what is told where an evaluation took too many of them: it does so every time."""
EXAMPLES = "_cwm_examples_"
"""In what is told of the line of an example, which is of a module of ours."""
_DEPENDS = "it depends on an example that is not known"
MOST_OUTPUT = 20_000
"""Characters of an example's output that are compared."""
SURROUNDINGS = frozenset({"MemoryError", "ModuleNotFoundError", "ImportError", "KeyboardInterrupt"})
"""Exceptions of which it hangs on where a program runs whether they are raised. (A recursion that is too deep by itself
is so under a test's runner all the more.)"""


@dataclass
class Attempt:
    """What one evaluation tells: the latest values of the driver's variables, and why it ended."""

    values: dict[str, Any] = field(default_factory=dict)
    over: bool = False
    ended: bool = False
    """The driver came to its end."""
    reason: str = ""
    exhausted: bool = False
    endless: bool = False


class Performer:
    """Finds verdicts by one evaluator."""

    def __init__(self, evaluator: Evaluator, limits: Limits = LIMITS, cancel: threading.Event | None = None) -> None:
        self.evaluator = evaluator
        self.limits = limits
        self.cancel = cancel
        self.reads: set[str] = set()
        """The files that the latest verdicts depend on, besides their own."""
        self.late = False
        """One of them is not known for want of time alone: another time it may be."""

    def verdicts(self, subject: Subject, shown: str, *, is_test: bool, doctests: bool = True) -> Iterator[Verdict]:
        """The verdicts of a file, which is called `shown`; those of tests where it is a test file."""
        self.reads, self.late = set(), False
        found = find(subject.text)
        if found.problem is not None:
            if is_test:
                yield Verdict(shown, 1, shown, "unknown", found.problem)
            return
        if is_test:
            yield from Tests(self, subject, shown, found).verdicts()
        if doctests and found.docstrings:
            yield from Doctests(self, subject, shown, found.docstrings).verdicts()

    def attempts(self, program: Program, subject: Subject) -> Iterator[tuple[Event, Attempt]]:
        """The steps of a driver as facts, each with what is known by then; the last one again at the end, when the
        attempt says how it ended.

        What follows a step that is no fact is not looked at: it may hang on it."""
        attempt = Attempt()
        evaluating = self.evaluator.evaluate(
            program.source, "run()", "run", limits=self.limits, around=program.around, module="_cwm_driver",
            cancel=self.cancel,
        )  # fmt: skip
        last: Event | None = None
        for step in evaluating:
            if isinstance(step, Question):
                attempt.reason = reason_of(step, subject)
                break
            if any(source != "computed" for source in step.provenance.values()):
                attempt.reason = "what it does may differ from run to run"
                break
            if step.kind == "line" and step.depth == 0:
                attempt.values = dict(step.locals)
                last = step
                yield step, attempt
        else:
            outcome = evaluating.outcome
            attempt.ended = outcome is not None and outcome.kind == "return"
            attempt.exhausted = evaluating.exhausted
            attempt.endless = outcome is not None and outcome.kind == "endless"
            if outcome is not None and outcome.loop is not None:
                attempt.reason = str(outcome.loop)
            elif outcome is not None and outcome.exception is not None:
                attempt.reason = f"{outcome.exception.type}: {outcome.exception.message}"
            else:
                attempt.reason = evaluating.gave_up or "it could not be followed"
        self.reads |= set(evaluating.reads)
        self.late = self.late or (attempt.exhausted and STEPS not in attempt.reason)
        attempt.over = True
        yield last or Event("line", 0, 0, "run"), attempt


def reason_of(question: Question, subject: Subject) -> str:
    """What could not be known, in words: the line of code, and where it is."""
    if question.at is None:
        return "something in it is not known"
    file, line = question.at
    path = Path(file)
    if path.name == DRIVER:
        return "something that it needs is not known"
    try:
        code = split_lines(subject.text if path == subject.path else read_source(path))[line - 1].strip()
    except (OSError, UserError, IndexError):
        code = "something in it"
    return f"not known: {code[:120]} ({path.name}:{line})"


class Tests:
    """The verdicts of a test file."""

    def __init__(self, performer: Performer, subject: Subject, shown: str, found: Found) -> None:
        self.performer = performer
        self.subject = subject
        self.shown = shown
        self.outline = found.outline
        self.targets = [name for name in found.outline.targets if self.may_be(name)]
        self.done: set[str] = set()
        """Items whose verdict is known."""
        self.given_up: dict[str, str] = {}
        """Tests of which no more items are tried, and why."""
        self.unknowns: dict[str, list[str]] = {}
        """By test, the reasons of its latest items, from the last known one on."""

    def may_be(self, name: str) -> bool:
        """Whether a name of the top level may be a test: by its name, or as a class of `unittest`."""
        configuration = self.subject.configuration
        return matches(name, (*configuration.functions, *configuration.classes)) or name in self.outline.classes

    def verdicts(self) -> Iterator[Verdict]:
        outer = conftests(self.subject)
        hooks = [hook for outline in (self.outline, *(one.outline for one in outer)) for hook in outline.hooks]
        if hooks:
            yield from self.all_unknown(self.targets, f"what {hooks[0]} does is not known")
            return
        while self.targets:
            before = len(self.done), len(self.targets), len(self.given_up)
            program = of_tests(self.subject, self.outline, outer, self.targets, self.done, self.given_up)
            yield from self.attempt(program)
            if (len(self.done), len(self.targets), len(self.given_up)) == before:
                yield from self.all_unknown(self.targets, "it could not be followed")
                return

    def attempt(self, program: Program) -> Iterator[Verdict]:
        """One evaluation, from the first of the targets on; what comes to its end is taken out of them."""
        lines = {text.strip(): number for number, text in enumerate(program.source.splitlines(), 1)}
        under_way = {number: text.partition(" = ")[0] for text, number in lines.items() if " = " in text}
        previous, pending, performed = "", None, 0
        for event, attempt in self.performer.attempts(program, self.subject):
            values, now = attempt.values, under_way.get(event.line, "")
            if attempt.over:
                break
            if previous == "problem" and values["problem"] != "None":
                yield from self.not_loaded(*ast.literal_eval(values["problem"]))
                return
            if previous == "passed_over":
                item = ast.literal_eval(values["passed_over"])
                self.done.add(item)
                yield self.unknown(item, self.given_up[item.partition("[")[0]])
            elif previous == "outcome":
                performed += 1
                pending = self.verdict(*ast.literal_eval(values["outcome"]))
                self.done.add(ast.literal_eval(values["item"]))
            elif previous == "detail" and pending is not None:
                pending = self.placed(pending, ast.literal_eval(values["detail"]))
            elif previous == "told" and pending is not None:
                pending = self.told(pending, *ast.literal_eval(values["told"]))
            if pending is not None and (previous == "told" or pending.verdict != "fail"):
                yield pending
                pending = None
            if "target" in values and now == "count":
                self.drop(ast.literal_eval(values["target"]))
            previous = now
        else:
            raise AssertionError("an attempt has an end")
        if pending is not None:
            yield pending
        if attempt.ended:
            self.targets = []
            return
        target = ast.literal_eval(values["target"]) if "target" in values else None
        if target is None:
            yield from self.all_unknown(self.targets, attempt.reason)
            self.targets = []
        elif now == "count":
            inside = self.inside(target)
            if not inside:
                yield from self.all_unknown([target], f"which rows it has is not known ({attempt.reason})")
            self.targets[:1] = inside
        elif now == "outcome":
            item = ast.literal_eval(values["item"])
            if attempt.endless:
                self.done.add(item)
                yield replace(self.unknown(item, attempt.reason), verdict="fail")
            elif performed == 0 or not attempt.exhausted:
                self.done.add(item)
                yield self.unknown(item, attempt.reason)
                self.note(item, attempt.reason)

    def drop(self, target: str) -> None:
        """The targets before this one are through."""
        self.targets = self.targets[self.targets.index(target) :]

    def inside(self, target: str) -> list[str]:
        """The names in a class of tests, which may be collected one by one; none of what is no such class."""
        if target not in self.outline.classes or target in self.outline.cases:
            return []
        names = {"::".join(item.split("::")[:2]): None for item in self.outline.lines if item.startswith(f"{target}::")}
        return list(names) if len(names) > 1 else []

    def note(self, item: str, reason: str) -> None:
        """Where a test gives up item after item for the same reason, no more of its items are tried."""
        test = item.partition("[")[0]
        reasons = self.unknowns.setdefault(test, [])
        reasons.append(reason)
        if len(reasons) >= LIKE and len(set(reasons[-LIKE:])) == 1:
            self.given_up[test] = reason

    # verdicts

    def line(self, item: str) -> int:
        parts = item.partition("[")[0].split("::")
        while parts:
            found = self.outline.lines.get("::".join(parts))
            if found is not None:
                return found
            parts.pop()
        return 1

    def verdict(self, item: str, word: Word, reason: str) -> Verdict:
        return Verdict(self.shown, self.line(item), f"{self.shown}::{item}", word, reason)

    def unknown(self, item: str, reason: str) -> Verdict:
        return self.verdict(item, "unknown", reason)

    def placed(self, verdict: Verdict, detail: tuple[int | None, Any]) -> Verdict:
        return replace(verdict, at=detail[0])

    def told(self, verdict: Verdict, message: str, expected: str | None, actual: str | None) -> Verdict:
        reason = f"{verdict.reason}: {message}" if message else verdict.reason
        return replace(verdict, reason=reason, expected=expected, actual=actual)

    def all_unknown(self, targets: Sequence[str], reason: str, word: Word = "unknown") -> Iterator[Verdict]:
        """The verdicts of what the text says there is, where nothing more is known of it."""
        configuration = self.subject.configuration
        named = {item.partition("::")[0] for item in self.outline.lines if "::" in item}
        for item in self.outline.lines:
            top, _, method = item.partition("::")
            is_class = top in self.outline.classes
            name = method.rpartition("::")[2] if is_class else top
            if not {top, "::".join(item.split("::")[:2])} & {*targets} or (is_class and not method and top in named):
                continue
            if is_class and not (matches(top, configuration.classes) or top in self.outline.cases):
                continue
            if (matches(name, configuration.functions) or (is_class and not method)) and item not in self.done:
                yield self.verdict(item, word, reason)

    def not_loaded(self, module: str, kind: str, message: str) -> Iterator[Verdict]:
        """The file, or a `conftest.py` around it, cannot be imported: that is an error of every test."""
        targets, self.targets = self.targets, []
        if kind in ("Skipped", "SkipTest"):
            yield from self.all_unknown(targets, f"skipped: {message}", "pass")
        elif kind in ("ModuleNotFoundError", "ImportError", "RecursionError", "MemoryError", "SystemExit"):
            yield from self.all_unknown(targets, f"{module} cannot be imported: {message}")
        else:
            yield from self.all_unknown(targets, f"{module} cannot be imported: {kind}: {message}", "fail")


class Doctests:
    """The verdicts of a file's doctests."""

    def __init__(self, performer: Performer, subject: Subject, shown: str, docstrings: Sequence[Docstring]) -> None:
        self.performer = performer
        self.subject = subject
        self.shown = shown
        self.docstrings = dict(enumerate(docstrings))
        self.left_out: dict[tuple[int, int], str] = {}
        """Examples that are not tried, and why."""
        self.done: set[tuple[int, int]] = set()
        self.variables = variables(subject.text)

    def verdicts(self) -> Iterator[Verdict]:
        if any("doctest_namespace" in read_source(path) for path in self.subject.conftests()):
            for number in self.docstrings:
                yield from self.rest(number, "what doctest_namespace has is not known")
            return
        for number, docstring in self.docstrings.items():
            for index, example in enumerate(docstring.examples):
                if example.options.get(doctest.SKIP):
                    self.done.add((number, index))
                    self.left_out[number, index] = "skipped"
                    yield self.row(number, index, "pass", "skipped")
                elif (number, index) not in self.done and reflects(example.source):
                    yield from self.leave_out(number, index, "what names there are is not known")
        waiting = dict(self.docstrings)
        while waiting:
            yield from self.attempt(waiting)

    def attempt(self, waiting: dict[int, Docstring]) -> Iterator[Verdict]:
        """One evaluation of the docstrings that are waiting; those that come to their end are taken out."""
        program = of_docstrings(self.subject, waiting, self.left_out)
        lines = {text.strip(): number for number, text in enumerate(program.source.splitlines(), 1)}
        performing, checked = lines["outcome = perform(item)"], lines["if problem is None:"]
        previous = 0
        for event, attempt in self.performer.attempts(program, self.subject):
            if attempt.over:
                break
            if event.line == checked and attempt.values["problem"] != "None":
                module, kind, message = ast.literal_eval(attempt.values["problem"])
                for number in waiting:
                    yield from self.rest(number, f"{module} cannot be imported: {kind}: {message}")
                waiting.clear()
                return
            if previous == performing:
                (number, index), *told = ast.literal_eval(attempt.values["outcome"])
                if (number, index) not in self.done:
                    self.done.add((number, index))
                    yield self.checked(number, index, *told)
            previous = event.line
        else:
            raise AssertionError("an attempt has an end")
        if attempt.ended:
            for number in waiting:
                yield from self.rest(number, "")
            waiting.clear()
        elif event.line != performing:
            for number in waiting:
                yield from self.rest(number, attempt.reason)
            waiting.clear()
        else:
            number, index = ast.literal_eval(attempt.values["item"])
            for gone in [one for one in waiting if one < number]:
                yield from self.rest(gone, "")
                del waiting[gone]
            yield from self.stuck(number, index, attempt)

    def stuck(self, number: int, index: int, attempt: Attempt) -> Iterator[Verdict]:
        """An example could not be followed: what depends on it is not known either."""
        source = self.docstrings[number].examples[index].source.strip().partition("\n")[0]
        reason = f"not known: {source[:120]}" if EXAMPLES in attempt.reason else attempt.reason
        yield from self.leave_out(number, index, reason, "fail" if attempt.endless else "unknown")

    def leave_out(self, number: int, index: int, reason: str, word: Word = "unknown") -> Iterator[Verdict]:
        """An example is not tried, nor is what depends on it."""
        dependents = depending(self.docstrings[number].examples, index, self.variables)
        told = {index: (reason, word)} | dict.fromkeys(dependents, (_DEPENDS, "unknown"))
        for each, (why, known) in told.items():
            self.left_out.setdefault((number, each), why)
            if (number, each) not in self.done:
                self.done.add((number, each))
                yield self.row(number, each, known, why)

    def rest(self, number: int, reason: str) -> Iterator[Verdict]:
        for index in range(len(self.docstrings[number].examples)):
            if (number, index) not in self.done:
                self.done.add((number, index))
                yield self.row(number, index, "unknown", reason)

    def row(self, number: int, index: int, word: Word, reason: str = "", **more: Any) -> Verdict:
        docstring = self.docstrings[number]
        line = docstring.lines[index]
        return Verdict(self.shown, line, f"{self.shown}::{docstring.owner}::doctest:{line}", word, reason, **more)

    def checked(self, number: int, index: int, output: str, *raised: str) -> Verdict:
        """Hold what an example shows against what is written there, as `doctest` does."""
        example = self.docstrings[number].examples[index]
        flags = 0
        for name in self.subject.configuration.doctest_flags:
            flags |= doctest.OPTIONFLAGS_BY_NAME.get(name, 0)
        for flag, on in example.options.items():
            flags = flags | flag if on else flags & ~flag
        if flags & NUMBER or len(output) >= MOST_OUTPUT:
            return self.row(number, index, "unknown", "how its output is compared is not known")
        check = doctest.OutputChecker().check_output
        wanted = {"expected": example.want.rstrip("\n")}
        output = as_told(output)
        if not raised:
            output += "\n" if output and not output.endswith("\n") else ""
            if check(example.want, output, flags):
                return self.row(number, index, "pass")
            actual = output.rstrip("\n") or "nothing"
            return self.row(
                number, index, "fail", "its output differs", actual=actual, at=self.line(number, index), **wanted
            )
        module, name, message = raised
        if name in SURROUNDINGS:
            return self.row(number, index, "unknown", f"{name} hangs on the surroundings")
        kind = name if module in ("builtins", "__main__") else f"{module}.{name}"
        message = as_told(message)
        told = f"{kind}: {message}\n" if message else f"{kind}\n"
        if example.exc_msg is not None:
            if check(example.exc_msg, told, flags):
                return self.row(number, index, "pass")
            if flags & doctest.IGNORE_EXCEPTION_DETAIL and check(bare(example.exc_msg), bare(told), flags):
                return self.row(number, index, "pass")
            wanted = {"expected": example.exc_msg.rstrip("\n")}
        line = self.line(number, index)
        return self.row(number, index, "fail", told.rstrip("\n"), actual=told.rstrip("\n"), at=line, **wanted)

    def line(self, number: int, index: int) -> int:
        return self.docstrings[number].lines[index]


def bare(told: str) -> str:
    """The name of an exception's class, without its module and message."""
    first = told.partition("\n")[0].partition(":")[0]
    return first.rpartition(".")[2]
