"""What `repair` and `tests` print: edits after which a function does what is known of it; what it does, as tests."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.syntax import Syntax
from rich.text import Text

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.repair.cases import NoCases, as_pytest, cases
from cwm_lsp.repair.loop import Fix, Repair
from cwm_lsp.repair.trial import Within
from cwm_lsp.report import progress
from cwm_lsp.search.crashes import known
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.workspace import Evaluators, File, attempt_in, tests_of
from cwm_lsp.source.checks import Check, given, known_checks
from cwm_lsp.source.environment import layout
from cwm_lsp.source.files import write_source
from cwm_lsp.source.functions import Function, default_function, find
from cwm_lsp.target import split
from cwm_lsp.terminal import console

if TYPE_CHECKING:
    from cwm_lsp.settings import Settings

FOUND, NONE = 0, 1
"""Exit codes: there is an edit, or nothing to mend; there is none."""
MOST = 4
"""Evaluators at once."""
SECONDS = 20.0
"""What the search takes at most, unless it is said."""
LEAST = 0.5
"""Seconds that it has, however long it took to begin."""
TESTS_SECONDS = 5.0
"""What the search for calls that make good tests takes, unless it is said."""
SHOWN = 3
"""Edits of which a terminal shows the change; the others are named."""


def repair_function(
    target: str,
    settings: Settings,
    *,
    calls: Sequence[str],
    expected: Sequence[str],
    seconds: float | None,
    apply: bool,
    as_json: bool,
) -> int:
    """Look for edits of a function after which what is known of it holds, print them, give the exit code. With `apply`
    the best one is written into the file, if everything known holds with it.

    Raises:
        UserError: there is no such function, a call or expectation is not understood, or none is known.
        UnavailableError: the evaluator cannot be started.
    """
    begun = time.monotonic()
    file, function = target_of(target, settings.record.python)
    told = told_of(file, function, calls, expected)
    with ExitStack() as stack:
        evaluators = [Evaluator() for _ in range(min(MOST, os.cpu_count() or 1))]
        for one in evaluators:
            stack.callback(one.close)
        advance = stack.enter_context(progress("mending"))
        left = max((seconds or SECONDS) - (time.monotonic() - begun), LEAST)
        repair = repair_of(file, function, told, evaluators, left, advance=advance)
        wrong = repair.failing
        unknown = [one for one in repair.known if one.holds is None]
        if not wrong and unknown and len(unknown) == len(repair.checks):
            raise UserError(
                f"what comes of {unknown[0].check.call} is not known ({unknown[0].found}): it cannot be tried"
            )
        for _ in repair:
            pass
        fixes = repair.ranked()
    taken = time.monotonic() - begun
    if as_json:
        rows = [_row(fix, file) for fix in fixes]
        print(json.dumps({"edits": rows, "tried": repair.tried, "seconds": round(taken, 3)}))  # noqa: T201
    else:
        _show(file, function, repair, fixes, taken)
    if apply and fixes:
        if not fixes[0].is_whole:
            raise UserError("no edit was found after which all that is known holds: nothing was written")
        write_source(file.path, fixes[0].text, file.text)
    return FOUND if fixes or not wrong else NONE


def target_of(target: str, python: str | None) -> tuple[File, Function]:
    """The file and function that are meant.

    Raises:
        UserError: there is no such file or function.
    """
    path, name = split(target)
    file = File.read(Path(path), python)
    return file, find(file.text, name, path) if name else default_function(file.text, path)


def told_of(file: File, function: Function, calls: Sequence[str], expected: Sequence[str]) -> list[Check]:
    """What is given of a function.

    Raises:
        UserError: a call or expectation is not understood, or one of them is without the other.
    """
    if expected and len(expected) != len(calls):
        raise UserError("give one --expect for each --call, in the same order")
    told: Sequence[str | None] = expected or [None] * len(calls)
    return [given(*pair, function, file.text) for pair in zip(calls, told, strict=True)]


def repair_of(
    file: File,
    function: Function,
    told: Sequence[Check],
    evaluators: Sequence[Evaluator],
    seconds: float,
    cancel: threading.Event | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Repair:
    """The search for edits of a function, by what is told of it and what doctests and tests say.

    Raises:
        UserError: nothing is known of it.
    """
    checks = [*told, *known_checks(file.text, function, path=str(file.path), tests=tests_of(file.path))]
    if not checks:
        raise UserError(
            f"no expectation is known of {function.qualname}: give --call and --expect, as in "
            f"--call '{function.name}(…)' --expect '…', or write a doctest"
        )

    def by(evaluator: Evaluator) -> Within:
        return lambda limits: attempt_in(evaluator, file, cancel, limits)

    first, *others = map(by, evaluators)
    return Repair(file.text, function, checks, first, others, seconds, before=advance)


def _row(fix: Fix, file: File) -> dict[str, Any]:
    return {
        "diff": fix.diff(file.text, file.shown),
        "text": fix.text,
        "title": fix.title(),
        "kept": [check.call for check in fix.kept],
        "broken": [check.call for check in fix.broken],
        "provenance": "computed",
    }


def _show(file: File, function: Function, repair: Repair, fixes: Sequence[Fix], seconds: float) -> None:
    out, err = console(), console(stderr=True)
    wrong = [repair.known[at] for at in repair.failing]
    if not wrong:
        held = f"{sum(one.holds is True for one in repair.known)} of {len(repair.known)} known calls"
        out.print(Text(f"there is nothing to mend: {held} of {function.qualname} are as expected"), soft_wrap=True)
        return
    for one in wrong:
        out.print(
            Text.assemble(("✗ ", "red"), one.check.call, f"  expected {one.check.expected}, found {one.found}"),
            soft_wrap=True,
        )
    for number, fix in enumerate(fixes, 1):
        out.print(Text(f"\n{number}. {fix.title()}", "bold"), soft_wrap=True)
        if number <= SHOWN:
            out.print(Syntax(fix.diff(file.text, file.shown), "diff", background_color="default"))
    summary = f"tried {repair.tried:,} edits in {seconds:.1f} s"
    err.print(Text(summary if fixes else f"no edit was found: {summary}"))


def write_tests(target: str, settings: Settings, *, seconds: float | None, as_json: bool, seed: int) -> int:
    """Print tests of what a function does today, as pytest rows, give the exit code.

    Raises:
        UserError: there is no such function, or no test of it can be made.
        UnavailableError: the evaluator cannot be started.
    """
    file, function = target_of(target, settings.record.python)
    facts = known(file.text, [function], str(file.path), tests_of(file.path))[0]
    with Evaluators(1) as evaluators, evaluators.lent() as evaluator, progress("searching"):
        attempt = partial(attempt_in(evaluator, file), file.text, function.qualname)
        calls = (*facts.calls, *facts.raising)
        try:
            budget = Budget(seconds=seconds or TESTS_SECONDS)
            found = cases(file.text, function, attempt, calls, budget, seed, file.where())
        except NoCases as error:
            raise UserError(f"no test of {function.qualname} can be made: {error}") from None
    if as_json:
        rows = [{"call": one.call, "outcome": one.outcome.to_json(), "provenance": "computed"} for one in found]
        print(json.dumps({"path": file.shown, "function": function.qualname, "cases": rows}))  # noqa: T201
    else:
        print(as_pytest(layout(file.path, file.text).module, function, found, file.text))  # noqa: T201
    return FOUND
