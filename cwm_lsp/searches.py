"""What `crashes`, `find` and `diff` print: searches of `search`, put before a person or a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from cwm_lsp import __version__
from cwm_lsp.errors import UserError
from cwm_lsp.report import progress
from cwm_lsp.search.crashes import NEVER_ENDS, Crash, wanted
from cwm_lsp.search.sarif import sarif
from cwm_lsp.search.workspace import File, Result, python_files, search_files

if TYPE_CHECKING:
    from cwm_lsp.settings import Settings

NOTHING, FOUND, COULD_NOT = 0, 1, 2
"""Exit codes, as analysers have them."""
ENDLESS = 3.0
"""Seconds after which a run of a call that should never end is taken not to."""
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
            trace = pool.record(file.path, crash.function, crash.call, python=python, timeout=timeout, source=file.text)
            return crash.is_shown_by(trace.outcome)

        yield confirm


def find_crashes(
    paths: Sequence[Path],
    settings: Settings,
    *,
    form: str = "text",
    verify: bool = False,
    seconds: float | None = None,
    jobs: int = 1,
    seed: int = 0,
    deliberate: bool = False,
) -> int:
    """Search files and folders for crashes, print them in a `form` (`text`, `json`, `sarif`), give the exit code.

    Raises:
        UserError: a path does not exist.
        UnavailableError: an evaluator or, to `verify`, the interpreter cannot be started.
    """
    files, broken = _read(paths, settings.record.python)
    rows: list[Row] = []
    tried, reasons = 0, []
    total = sum(len(wanted(file.text)) for file in files)
    with _confirming(settings, verify) as confirm, progress("searching", total) as advance:
        for result in search_files(
            files, jobs=jobs, seconds=seconds, seed=seed, deliberate=deliberate, advance=advance
        ):
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


def _read(paths: Sequence[Path], python: str | None) -> tuple[list[File], list[str]]:
    """The files that can be searched, and why others cannot."""
    files, broken = [], []
    for path in python_files(paths):
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
    console = Console(highlight=False, soft_wrap=True)
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
        console.print(Text.assemble((f"{row['path']}:{row['line']}", "magenta"), ": ", row["message"], *told))
        console.print(Text(f"    {row['text']}", "dim"))


def _reasons(result: Result) -> list[str]:
    return [
        f"{result.file.shown}:{one.function.qualname}: {one.gave_up}"
        for one in result.searched
        if one.gave_up is not None and not one.crashes
    ]


def _summary(tried: int, functions: int, reasons: Sequence[str], broken: Sequence[str]) -> None:
    """What was done, and what was not, on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for problem in broken:
        console.print(Text.assemble(("error: ", "bold red"), problem))
    for reason in reasons[:REASONS]:
        console.print(Text(f"gave up on {reason}", "dim"))
    if len(reasons) > REASONS:
        console.print(Text(f"… and on {len(reasons) - REASONS} more", "dim"))
    s = "" if functions == 1 else "s"
    console.print(Text(f"tried {tried:,} calls of {functions:,} function{s}, gave up on {len(reasons):,}"))
