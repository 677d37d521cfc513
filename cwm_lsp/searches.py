"""What `crashes`, `find` and `diff` print: searches of `search`, put before a person or a program."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path
from rich.text import Text

from cwm_lsp import __version__
from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Called
from cwm_lsp.report import patience, progress
from cwm_lsp.search.asked import check_exception, check_line, check_names
from cwm_lsp.search.conditions import watched
from cwm_lsp.search.crash import NEVER_ENDS, Crash
from cwm_lsp.search.crashes import known, wanted
from cwm_lsp.search.goals import Sought, constants, find, raises, reaches, reaches_any, returns, towards
from cwm_lsp.search.kept import Store
from cwm_lsp.search.loop import Attempt, Budget
from cwm_lsp.search.revisions import changed_since
from cwm_lsp.search.sarif import sarif
from cwm_lsp.search.versions import AttemptIn, Compared, Version, differences
from cwm_lsp.search.workspace import (
    Evaluators,
    File,
    Result,
    attempt_in,
    compare_all,
    python_files,
    search_files,
    tests_of,
)
from cwm_lsp.shards import merged, part
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, default_function
from cwm_lsp.source.functions import find as by_name
from cwm_lsp.source.prepared import with_imports
from cwm_lsp.source.samples import runtime_names
from cwm_lsp.target import split
from cwm_lsp.terminal import console
from cwm_lsp.trace.events import Outcome

if TYPE_CHECKING:
    from cwm_lsp.settings import Settings

NOTHING, FOUND, COULD_NOT = 0, 1, 2
"""Exit codes, as analysers have them."""
ENDLESS = 3.0
"""Seconds after which a run of a call that should never end is taken not to."""
FIND_SECONDS = 60.0
"""The most that looking for one call takes."""
REASONS = 5
"""Reasons for giving up that are told; the rest are counted."""

Confirm = Callable[[File, Crash], bool | None]
"""Runs a crash's call; whether it crashes so, None where the run does not tell."""
Row = dict[str, Any]


@contextmanager
def _confirming(settings: Settings, wanted: bool) -> Iterator[Confirm | None]:
    """What runs the calls that are found, if that is asked for."""
    if not wanted:
        yield None
        return
    from cwm_lsp.record.recorder import RecorderPool

    python = Path(settings.record.python) if settings.record.python else None
    with RecorderPool() as pool:

        def confirm(file: File, crash: Crash) -> bool | None:
            timeout = min(settings.record.timeout, ENDLESS) if crash.type == NEVER_ENDS else settings.record.timeout
            trace = pool.record(
                file.path,
                crash.function,
                crash.call,
                python=python,
                timeout=timeout,
                source=file.text,
                sandbox=settings.record.sandbox,
            )
            return crash.is_shown_by(trace.outcome)

        yield confirm


def find_crashes(
    paths: Sequence[Path],
    settings: Settings,
    *,
    form: str = "text",
    verify: bool = False,
    seconds: float | None = None,
    jobs: int | None = None,
    seed: int = 0,
    deliberate: bool = False,
    shard: str | None = None,
    keep: bool = True,
    fault: Callable[[], str],
) -> int:
    """Search files and folders for crashes, print them in a `form` (`text`, `json`, `sarif`), give the exit code.
    `fault` logs a fault of ours that is being handled, and tells where.

    Raises:
        UserError: a path does not exist.
        UnavailableError: an evaluator or, to `verify`, the interpreter cannot be started.
    """
    files, broken = _read(part(list(python_files(paths)), shard), settings.record.python)
    store = Store(user_cache_path("cwm-lsp") / "crashes", (settings.record.python, seed, deliberate)) if keep else None
    rows: list[Row] = []
    tried, reasons = 0, []
    total = sum(len(wanted(file.text)) for file in files)
    with ExitStack() as held, _confirming(settings, verify) as confirm, progress("searching", total) as advance:
        results = search_files(
            files, jobs=jobs or cores(), seconds=seconds, seed=seed, deliberate=deliberate, advance=advance,
            fault=fault, store=store,
        )  # fmt: skip
        for result in held.enter_context(closing(results)):
            found = [row for crash in result.crashes if (row := _row(result.file, crash, confirm)) is not None]
            rows += found
            if form != "sarif":
                _print(found, as_json=form == "json")
            tried += sum(one.tried for one in result.searched)
            reasons += _reasons(result)
    if form == "sarif":
        print(json.dumps(sarif(rows, __version__, Path.cwd()), indent=2))  # noqa: T201
    _summary(tried, total, reasons, broken)
    if any(row.get("confirmed") is not False for row in rows):
        return FOUND
    return COULD_NOT if broken or (total and len(reasons) == total) else NOTHING


def cores() -> int:
    """How many searches at once this machine is good for."""
    return os.cpu_count() or 1


def merge_crashes(paths: Sequence[Path], form: str = "text") -> int:
    """Join what `crashes --json` has written elsewhere: print it in a `form`, give the exit code.

    Raises:
        UserError: a file has something else.
    """
    rows = [{**row, "text": _line_at(row)} for row in merged(paths, "crashes")]
    if form == "sarif":
        print(json.dumps(sarif(rows, __version__, Path.cwd()), indent=2))  # noqa: T201
    else:
        _print(rows, as_json=form == "json")
    s = "" if len(rows) == 1 else "s"
    console(stderr=True).print(Text(f"{len(rows):,} finding{s} of {len(paths):,} parts"))
    return FOUND if any(row.get("confirmed") is not False for row in rows) else NOTHING


def _line_at(row: Row) -> str:
    """The line of a finding, if its file is here.

    Raises:
        UserError: that is no finding.
    """
    try:
        line: str = read_source(Path(row["path"])).split("\n")[row["line"] - 1].strip()
        return line
    except (UserError, IndexError):
        return ""
    except (KeyError, TypeError) as error:
        raise UserError(f"this is no result of cwm-lsp crashes --json: {row}") from error


def _read(paths: Sequence[Path], python: str | None) -> tuple[list[File], list[str]]:
    """Those of some files that can be searched, and why others cannot."""
    files, broken = [], []
    for path in paths:
        try:
            files.append(File.read(path, python))
        except UserError as error:
            broken.append(str(error))
    return files, broken


def _row(file: File, crash: Crash, confirm: Confirm | None) -> Row:
    kind = "endless" if crash.type == NEVER_ENDS else crash.type
    row: Row = {
        "path": file.shown,
        "function": crash.function,
        "line": crash.line,
        "call": crash.call,
        "exception": {"type": kind, "message": crash.message},
        "provenance": "computed",
        "hinted": crash.vouched,
        "message": f"{crash}",
        "text": file.text.split("\n")[crash.line - 1].strip(),
    }
    if confirm is not None:
        row["confirmed"] = confirm(file, crash)
    return row


def _print(rows: Sequence[Row], *, as_json: bool) -> None:
    out = console()
    for row in rows:
        if as_json:
            print(json.dumps({key: value for key, value in row.items() if key != "text"}), flush=True)  # noqa: T201
            continue
        confirmed = {
            True: ("  ✓ confirmed", "green"),
            False: ("  ✗ the run does not", "red"),
            None: ("  ? the run does not tell", "yellow"),
        }
        told = [confirmed[row["confirmed"]]] if "confirmed" in row else []
        place = (f"{row['path']}:{row['line']}", "magenta")
        out.print(Text.assemble(place, ": ", row["message"], *told), soft_wrap=True)
        out.print(Text(f"    {row['text']}", "dim"), soft_wrap=True)


def _reasons(result: Result) -> list[str]:
    return [
        f"{result.file.shown}:{one.function.qualname}: {one.gave_up}"
        for one in result.searched
        if one.gave_up is not None and not one.crashes
    ]


def _summary(tried: int, functions: int, reasons: Sequence[str], broken: Sequence[str]) -> None:
    """What was done, and what was not, on stderr."""
    err = console(stderr=True)
    for problem in broken:
        err.print(Text.assemble(("error: ", "bold red"), problem), soft_wrap=True)
    for reason in reasons[:REASONS]:
        err.print(Text(f"gave up on {reason}", "dim"), soft_wrap=True)
    if len(reasons) > REASONS:
        err.print(Text(f"… and on {len(reasons) - REASONS} more", "dim"), soft_wrap=True)
    if not functions:
        if not broken:
            err.print(Text("there is no function to search: name files or folders that have some"), soft_wrap=True)
        return
    calls, searched = (
        f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in ((tried, "call"), (functions, "function"))
    )
    err.print(Text(f"tried {calls} of {searched}, gave up on {len(reasons):,}"), soft_wrap=True)


def find_call(
    target: str,
    settings: Settings,
    *,
    line: int | None,
    raising: str | None,
    returning: str | None,
    condition: str | None,
    differs_from: str | None,
    as_json: bool,
    seconds: float | None,
    seed: int,
) -> int:
    """Look for a call of a function that does all that is asked, print the smallest found, give the exit code: 0 found,
    1 not found. `raising` is empty for any exception.

    Raises:
        UserError: there is no such function, or what is asked is not understood.
        UnavailableError: the evaluator cannot be started.
    """
    file, function = _function(target, settings.record.python)
    if line is not None:
        check_line(line, function, file.text, file.shown)
    if condition is not None:
        check_names(condition, function, file.text)
    if raising:
        check_exception(raising, file.text)
    budget = Budget(calls=20_000, seconds=seconds or FIND_SECONDS, stale=3_000)
    facts = known(file.text, [function], str(file.path), tests_of(file.path))[0]
    waiting = patience(f"searching calls of {function.qualname} for {budget.seconds:g} s of processor time at most")
    with Evaluators(1) as evaluators, evaluators.lent() as evaluator, waiting, progress("searching") as advance:
        if differs_from is not None:
            other = _function(
                differs_from if ":" in differs_from else f"{file.shown}:{differs_from}", settings.record.python
            )
            versions = [
                Version(one.text, its, _told(attempt_in(evaluator, one), advance))
                for one, its in ((file, function), other)
            ]
            compared = differences(versions[1], versions[0], facts.calls, budget, seed)
            return _show_difference(file, function, compared, as_json=as_json)
        text, mets = file.text, []
        if condition is not None:
            text, lines = watched(file.text, function, condition, line)
            mets.append(reaches_any(lines))
        elif line is not None:
            mets.append(reaches(line))
        mets += [raises(raising or None)] if raising is not None else []
        mets += [returns(returning)] if returning is not None else []
        hints = [one for expression in (condition, returning) if expression for one in constants(expression)]
        version = Version(text, function, _told(attempt_in(evaluator, file), advance))
        attempt: Attempt = version.whole if returning is not None and function.is_generator else version.direct
        attempt = towards(returning, attempt) if returning is not None else attempt
        sought = find(
            file.text, function, attempt, lambda call, called: all(met(call, called) for met in mets),
            known=(*facts.calls, *facts.raising), where=file.where(), hints=hints, budget=budget, seed=seed,
        )  # fmt: skip
    return _show_found(file, function, sought, as_json=as_json)


def _told(attempt: AttemptIn, advance: Callable[[], None]) -> AttemptIn:
    """Attempts that tell each call that was tried."""

    def attempted(source: str, function: str, calls: Sequence[str]) -> Iterator[Called]:
        for called in attempt(source, function, calls):
            advance()
            yield called

    return attempted


def _function(target: str, python: str | None) -> tuple[File, Function]:
    path, name = split(target)
    file = File.read(Path(path), python)
    return file, by_name(file.text, name, path) if name else default_function(file.text, path)


def _show_found(file: File, function: Function, sought: Sought, *, as_json: bool) -> int:
    found = sought.found
    if as_json:
        row = {
            "path": file.shown,
            "function": function.qualname,
            "call": found and found.call,
            "outcome": found and found.outcome.to_json(),
            "provenance": "computed",
            "tried": sought.tried,
            "unknown": sought.unknown,
        }
        print(json.dumps(row))  # noqa: T201
    elif found is not None:
        console().print(
            Text.assemble((with_imports(found.call, runtime_names(file.text)), "bold"), "  ", ends(found.outcome)),
            soft_wrap=True,
        )
    if found is None:
        told = f"no such call of {function.qualname} was found: tried {sought.tried:,}"
        if sought.unknown:
            told += f"; what comes of {sought.unknown:,} of them is not known ({sought.why})"
        console(stderr=True).print(Text(told), soft_wrap=True)
    return NOTHING if found is not None else FOUND


def find_differences(
    revision: str, settings: Settings, *, as_json: bool, jobs: int | None, seconds: float | None, seed: int
) -> int:
    """Look for calls on which functions differ from those of a git revision, print one for each, give the exit code.

    Raises:
        UserError: there is no repository, or no such revision.
        UnavailableError: an evaluator cannot be started.
    """
    code = NOTHING
    tried, reasons = 0, []
    with changed_since(revision, Path.cwd(), settings.record.python) as (changed, broken):
        with progress("comparing", len(changed)) as advance:
            for one, compared in zip(
                changed, compare_all(changed, jobs or cores(), seconds, seed, advance), strict=True
            ):
                tried += compared.tried
                if compared.found is not None:
                    code = FOUND
                    _show_difference(one.new, one.new_function, compared, as_json=as_json, old="old", new="new")
                elif compared.gave_up is not None:
                    reasons.append(f"{one.new.shown}:{one.new_function.qualname}: {compared.gave_up}")
        if not changed and not broken:
            told = f"no function has changed since {revision}"
            console(stderr=True).print(Text(told), soft_wrap=True)
            return code
        _summary(tried, len(changed), reasons, broken)
    if code == NOTHING and (broken or (changed and len(reasons) == len(changed))):
        return COULD_NOT
    return code


def _show_difference(
    file: File, function: Function, compared: Compared, *, as_json: bool, old: str = "other", new: str = "this"
) -> int:
    found = compared.found
    out = console()
    if as_json:
        row = {
            "path": file.shown,
            "function": function.qualname,
            "line": function.def_line,
            "call": found and found.call,
            old: found and found.one.to_json(),
            new: found and found.other.to_json(),
            "provenance": "computed",
            "tried": compared.tried,
        }
        print(json.dumps(row))  # noqa: T201
    elif found is not None:
        out.print(
            Text.assemble((f"{file.shown}:{function.def_line}", "magenta"), ": ", (found.call, "bold")), soft_wrap=True
        )
        out.print(Text(f"    {old}: {ends(found.one)}", "red"), soft_wrap=True)
        out.print(Text(f"    {new}: {ends(found.other)}", "green"), soft_wrap=True)
    elif compared.gave_up is not None:
        raise UserError(f"{function.qualname} cannot be compared: {compared.gave_up}")
    if found is None:
        told = f"no call was found on which they differ: tried {compared.tried:,}"
        console(stderr=True).print(Text(told), soft_wrap=True)
    return NOTHING if found is not None else FOUND


def ends(outcome: Outcome) -> str:
    """How a call ends, in words."""
    if outcome.kind == "exception" and outcome.exception is not None:
        raised = outcome.exception
        return f"raises {raised.type}{': ' + raised.message if raised.message else ''}"
    if outcome.kind == "endless":
        return outcome.detail or NEVER_ENDS
    return f"returns {'what is not known' if outcome.value is None else outcome.value}"
