"""Whether what is expected comes of it, where that is written: a mark there, and a diagnostic where it does not.

There are two sources of that: the call of a function that is shown (`verdict`), and the tests and doctests of a
document (`of_tests`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cwm_lsp.lsp.views.hints import CRASH, Part
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shorten import shorten, shorten_call
from cwm_lsp.source.expectations import Expectation
from cwm_lsp.trace.facts import is_fact

if TYPE_CHECKING:
    from cwm_lsp.lsp.checked import Step, Test

_TICK, _UNKNOWN = "✓", "?"
_OPERATORS = ("< ", "> ", "<= ", ">= ", "!= ", "in ", "not in ", "is ", "is not ")
_VALUE = 60
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has come of an expectation."""

    expectation: Expectation
    holds: bool
    mark: Part
    """For a hint."""
    message: str
    """For a diagnostic: both values."""


def verdict(reading: ShownTrace, expectation: Expectation) -> Verdict | None:
    """What a trace tells of an expectation; None where that is a guess, or the reprs do not tell."""
    trace = reading.trace
    raised = trace.outcome.exception
    if not is_fact(trace) or (raised is None and trace.outcome.value is None):
        return None
    holds = expectation.holds(trace.outcome.value, (raised.type, raised.message) if raised else None)
    if holds is None:
        return None
    wanted = {"true": "something true", "false": "something false"}.get(expectation.kind, expectation.text)
    if raised is not None:
        found = f"raises {raised.type}: {raised.message}".removesuffix(": ")
    else:
        found = shorten(trace.outcome.value or "None", _VALUE, wanted)
    if expectation.kind == "raises":
        wanted = f"an exception, {wanted}"
    how = "the run gave" if trace.origin == "recorded" else "computed"
    message = (
        f"{how} {found}, expected {shorten(wanted, _VALUE, trace.outcome.value)} · {shorten_call(trace.call, _VALUE)}"
    )
    mark = Part(_TICK, "pass") if holds else Part(f"{CRASH} {found}", "fail")
    return Verdict(expectation, holds, mark, message)


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands beside a test, an example or an assertion."""

    line: int
    """0-based."""
    part: Part
    tooltip: str
    test: Test
    """The one that it tells of; of several that are one function, the one that tells most."""
    message: str | None = None
    """For a diagnostic, where something fails here."""
    steps: Sequence[Step] = ()
    """How it came to that."""


def of_tests(tests: Iterable[Test]) -> Iterator[Mark]:
    """The marks of a document's tests: one at each example, function and assertion."""
    by_line: dict[int, list[Test]] = {}
    for test in tests:
        line = test.anchor.at(test.mark)
        if line is not None:
            by_line.setdefault(line, []).append(test)
    for line, found in by_line.items():
        failing = [test for test in found if test.verdict.verdict == "fail"]
        unknown = [test for test in found if test.verdict.verdict == "unknown"]
        first = (failing or unknown or found)[0]
        at = _failing_line(first) if failing else None
        is_here = at is None or first.is_doctest
        message, steps = (message_of(first), first.steps) if failing and is_here else (None, ())
        yield Mark(line, _part(found, failing, unknown), _tooltip(found), first, message, steps)
        if not first.is_doctest:
            yield from _of_assertions(found, failing, unknown)


def _of_assertions(found: Sequence[Test], failing: Sequence[Test], unknown: Sequence[Test]) -> Iterator[Mark]:
    """The marks inside one test function, of which there may be several rows."""
    told: set[int] = set()
    for test in failing:
        line = _failing_line(test)
        if line is not None and line not in told:
            told.add(line)
            part = Part(f"{CRASH} {_difference(test)}", "fail")
            yield Mark(line, part, message_of(test), test, message_of(test), test.steps)
    if unknown or any(test.verdict.verdict == "pass" and test.verdict.reason for test in found):
        return
    for asserted in found[0].asserts:
        line = found[0].anchor.at(asserted)
        is_reached = all(asserted < (test.verdict.at or 0) for test in failing)
        if line is not None and line not in told and is_reached:
            yield Mark(line, Part(_TICK, "pass"), "holds", found[0])


def _failing_line(test: Test) -> int | None:
    """The 0-based line in the test itself that fails."""
    at = test.verdict.at
    return test.anchor.at(at) if at is not None else None


def _part(found: Sequence[Test], failing: Sequence[Test], unknown: Sequence[Test]) -> Part:
    likely = "likely " if any(test.verdict.predicted is None for test in found) else ""
    count = len(found)
    if failing and found[0].is_doctest:
        return Part(f"{CRASH} {_found(failing[0])}", "fail")
    if failing:
        rows = f"{len(failing)} of {count} " if count > 1 else ""
        fails = "fail" if len(failing) > 1 else "fails"
        return Part(f"{CRASH} {rows}{likely}{fails}: {_difference(failing[0])}", "fail")
    if unknown:
        return Part(f"{_UNKNOWN} {len(unknown)} of {count} not known" if count > 1 else _UNKNOWN, "end")
    if found[0].is_doctest:
        return Part(_TICK, "pass")
    return Part(f"{_TICK} {count} {likely}pass" if count > 1 else f"{_TICK} {likely}passes", "pass")


def _tooltip(found: Sequence[Test]) -> str:
    """A line for each row that does not simply pass."""
    lines = [
        f"{test.name}: {message_of(test) if test.verdict.verdict == 'fail' else test.verdict.reason}"
        for test in found
        if test.verdict.verdict != "pass" or test.verdict.reason
    ]
    usual = "computed: every run shows it" if found[0].verdict.predicted is None else "as it ran"
    return "\n".join(lines[:10]) or usual


def message_of(test: Test) -> str:
    """`likely fails: 58 ≠ 59 · test_total[row]`."""
    how = "likely fails" if test.verdict.predicted is None else "failed"
    return f"{how}: {_difference(test)} · {test.name}"


def _difference(test: Test) -> str:
    verdict = test.verdict
    if verdict.expected is None or verdict.actual is None:
        return shorten(verdict.reason.partition("\n")[0] or "an assertion", _VALUE)
    one, other = verdict.actual, verdict.expected
    if other.startswith(_OPERATORS):
        return f"{shorten(one, _VALUE)}, not {shorten(other, _VALUE)}"
    return f"{shorten(one, _VALUE, other)} ≠ {shorten(other, _VALUE, one)}"


def _found(test: Test) -> str:
    actual = test.verdict.actual
    return shorten(actual if actual is not None else test.verdict.reason, _VALUE, test.verdict.expected)


def summaries(tests: Iterable[Test]) -> Mapping[str, str]:
    """By function, what has come of the doctests in its docstring: `3 of 4 doctests likely pass`."""
    by_owner: dict[str, list[Test]] = {}
    for test in tests:
        if test.is_doctest:
            by_owner.setdefault(test.name.partition("::")[0], []).append(test)
    return {owner: _summary(found) for owner, found in by_owner.items()}


def _summary(found: Sequence[Test]) -> str:
    passing = sum(test.verdict.verdict == "pass" for test in found)
    unknown = sum(test.verdict.verdict == "unknown" for test in found)
    likely = "likely " if any(test.verdict.predicted is None for test in found) else ""
    doctests = f"{len(found)} doctest{'s' * (len(found) != 1)}"
    if unknown == len(found):
        return f"{_UNKNOWN} {doctests} not known"
    if passing == len(found):
        return f"{_TICK} {doctests} {likely}pass{'es' * (len(found) == 1)}"
    mark = _UNKNOWN if passing + unknown == len(found) else CRASH
    rest = f", {unknown} not known" if unknown else ""
    return f"{mark} {passing} of {doctests} {likely}pass{'es' * (passing == 1)}{rest}"
