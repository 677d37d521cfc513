"""What `repair` prints: edits of a function after which it does what is known of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.syntax import Syntax
from rich.text import Text

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluator, Limits
from cwm_lsp.repair.loop import Fix, Repair
from cwm_lsp.repair.trial import Attempt
from cwm_lsp.report import progress
from cwm_lsp.search.workspace import Evaluators, File, attempt_in, tests_of
from cwm_lsp.source.checks import Check, given, known_checks
from cwm_lsp.source.files import write_source
from cwm_lsp.source.functions import Function, default_function, find
from cwm_lsp.target import split
from cwm_lsp.terminal import console

if TYPE_CHECKING:
    from cwm_lsp.settings import Settings

FOUND, NONE = 0, 1
"""Exit codes: there is an edit, or nothing to mend; there is none."""
SECONDS = 20.0
"""What the search takes at most, unless it is said."""
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
    file, function, checks = known_of(target, settings.record.python, calls, expected)
    with Evaluators(1) as evaluators, evaluators.lent() as evaluator, progress("mending") as advance:
        repair = Repair(
            file.text, function, checks, partial(_attempt, evaluator, file), seconds=seconds or SECONDS, before=advance
        )
        wrong = [known for known in repair.look() if known.holds is False]
        unknown = [known for known in repair.known if known.holds is None]
        if not wrong and unknown and len(unknown) == len(checks):
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


def known_of(
    target: str, python: str | None, calls: Sequence[str], expected: Sequence[str]
) -> tuple[File, Function, list[Check]]:
    """A function, and what is known of it: what is given, else or also what doctests and tests say.

    Raises:
        UserError: as in `repair_function`.
    """
    path, name = split(target)
    file = File.read(Path(path), python)
    function = find(file.text, name, path) if name else default_function(file.text, path)
    if expected and len(expected) != len(calls):
        raise UserError("give one --expect for each --call, in the same order")
    told: Sequence[str | None] = expected or [None] * len(calls)
    checks = [given(*pair, function, file.text) for pair in zip(calls, told, strict=True)]
    checks += known_checks(file.text, function, path=str(file.path), tests=tests_of(file.path))
    if not checks:
        raise UserError(
            f"no expectation is known of {function.qualname}: give --call and --expect, as in "
            f"--call '{function.name}(…)' --expect '…'"
        )
    return file, function, checks


def _attempt(evaluator: Evaluator, file: File, limits: Limits) -> Attempt:
    return attempt_in(evaluator, file, None, limits)


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
    wrong = [known for known in repair.known if known.holds is False]
    if not wrong:
        held = f"{sum(known.holds is True for known in repair.known)} of {len(repair.known)} known calls"
        out.print(Text(f"there is nothing to mend: {held} of {function.qualname} are as expected"), soft_wrap=True)
        return
    for known in wrong:
        out.print(
            Text.assemble(("✗ ", "red"), known.check.call, f"  expected {known.check.expected}, found {known.found}"),
            soft_wrap=True,
        )
    for number, fix in enumerate(fixes, 1):
        out.print(Text(f"\n{number}. {fix.title()}", "bold"), soft_wrap=True)
        if number <= SHOWN:
            out.print(Syntax(fix.diff(file.text, file.shown), "diff", background_color="default"))
    told = f"tried {repair.tried:,} edits in {seconds:.1f} s"
    err.print(Text(told if fixes else f"no edit was found: {told}"))
