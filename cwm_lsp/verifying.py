"""`cwm-lsp verify`: the verdicts of a workspace, in a terminal, as JSON and as JUnit XML."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console
from rich.markup import escape

from cwm_lsp import report
from cwm_lsp.errors import UserError
from cwm_lsp.lsp.views.shorten import apart, shorten
from cwm_lsp.shards import merged, part
from cwm_lsp.terminal import console
from cwm_lsp.verdicts.output import MARKS, Summary, is_wrong, junit, summary
from cwm_lsp.verdicts.real import held_against, outcomes
from cwm_lsp.verdicts.verdict import Verdict
from cwm_lsp.verdicts.workspace import Store, Verifier, files, mentioning

PASSED, FAILED, BROKEN, NOTHING = 0, 1, 2, 5
_STYLES = {"pass": "green", "fail": "bold red", "unknown": "yellow"}
_VALUE = 100
"""Characters of a value that a failure tells."""
_REASONS = 8
"""Reasons that a summary tells."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...] = ()
    run: bool = False
    as_json: bool = False
    junit: Path | None = None
    changed: bool = False
    jobs: int = 0
    """Evaluators at once; 0 for one a core."""
    shard: str | None = None
    merge: tuple[Path, ...] = ()
    python: str | None = None
    timeout: float = 10.0
    """Seconds that a test may take where it is run."""
    verbose: bool = False
    keep: bool = True


def verify(options: Options) -> int:
    """Find verdicts and tell them; gives the exit code.

    Raises UserError for options that cannot be, UnavailableError where tests cannot be run.
    """
    verdicts: list[Verdict] = []
    for verdict in _merged(options.merge) if options.merge else _verdicts(options):
        verdicts.append(verdict)
        _tell(verdict, options)
    if options.junit is not None:
        try:
            options.junit.write_text(junit(verdicts), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{options.junit} cannot be written: {error}") from error
    told = summary(verdicts)
    _conclude(told, console(stderr=options.as_json), ran=options.run)
    if any(verdict.test == verdict.path for verdict in verdicts):  # a test file that does not parse
        return BROKEN
    return NOTHING if not verdicts else FAILED if told.failing else PASSED


def _verdicts(options: Options) -> Iterator[Verdict]:
    here = Path.cwd()
    names = [path.partition("::") for path in options.paths]
    found = list({file.path: file for file in files([Path(path) for path, _, _ in names] or [here], here)}.values())
    if options.changed:
        found = mentioning(found, _changed(here))
    found = part(found, options.shard)
    wanted = [f"{Path(path).as_posix()}::{test}" for path, _, test in names if test]
    store = Store(user_cache_path("cwm-lsp") / "verdicts") if options.keep else None
    verifier = Verifier(options.jobs or os.cpu_count() or 1, store, options.python)
    every: list[Verdict] = []
    try:
        with report.progress("verifying", total=len(found)) as advance:
            for _, verdicts in verifier.verify(found):
                chosen = [verdict for verdict in verdicts if not wanted or _is_wanted(verdict, wanted)]
                every += chosen
                if not options.run:
                    yield from chosen
                advance()
    finally:
        verifier.close()
    if options.run:
        with report.progress("running"):
            real = outcomes(found, here, options.python, options.timeout)
        yield from held_against(every, found, real)


def _is_wanted(verdict: Verdict, wanted: Iterable[str]) -> bool:
    return any(verdict.test == test or verdict.test.startswith((f"{test}[", f"{test}::")) for test in wanted)


def _changed(here: Path) -> list[Path]:
    """The files that differ from the last commit, or are new."""
    names: list[str] = []
    for command in (
        ("diff", "--name-only", "--relative", "-z", "HEAD"),
        ("ls-files", "--others", "-z", "--exclude-standard"),
    ):
        done = subprocess.run(["git", *command], cwd=here, capture_output=True, check=False)  # noqa: S603, S607
        if done.returncode != 0:
            raise UserError("--changed needs a git repository with a commit; leave it out to verify all files")
        names += [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return [here / name for name in names]


def _merged(paths: Sequence[Path]) -> Iterator[Verdict]:
    """The verdicts that other runs have written with `--json`."""
    for row in merged(paths, "verify"):
        try:
            yield Verdict.from_json(row)
        except TypeError as error:
            raise UserError(f"this is no result of cwm-lsp verify --json: {row} ({error})") from error


def _tell(verdict: Verdict, options: Options) -> None:
    if options.as_json:
        print(json.dumps(verdict.to_json()), flush=True)  # noqa: T201
        return
    if is_wrong(verdict):
        note = f"  [magenta](was predicted to {verdict.predicted})[/]"
    elif verdict.verdict == "fail" or options.verbose:
        note = ""
    else:
        return
    mark = f"[{_STYLES[verdict.verdict]}]{MARKS[verdict.verdict]}[/]"
    console().print(f"{mark} {escape(_line_of(verdict))}{note}", soft_wrap=True)


def _line_of(verdict: Verdict) -> str:
    """A verdict on one line, without its mark."""
    place = f"{verdict.path}:{verdict.at or verdict.line}"
    parts = [verdict.test.removeprefix(f"{verdict.path}::")]
    if verdict.expected is not None and verdict.actual is not None:
        expected, actual = apart(verdict.expected, verdict.actual, _VALUE)
        parts.append(f"expected {expected}, found {actual}")
    elif verdict.reason:
        parts.append(shorten(" ".join(verdict.reason.split()), _VALUE))
    return f"{place}  {'  '.join(parts)}"


def _conclude(told: Summary, terminal: Console, *, ran: bool) -> None:
    if not told.total:
        terminal.print("nothing to verify: no tests, no doctests")
        return
    likely = "" if ran or told.compared else "likely "
    parts = [f"[green]{told.passing} {likely}pass[/]", f"[bold red]{told.failing} {likely}fail[/]"]
    parts.append(f"[yellow]{told.unknown} not known[/]")
    terminal.print(f"{', '.join(parts)} [dim]({told.decided:.0%} decided)[/]")
    if told.compared:
        terminal.print(f"{told.compared} verdicts were held against the run: {told.wrong} wrong")
    for reason, count in told.reasons[:_REASONS]:
        terminal.print(f"  [yellow]?[/] {count} × {escape(reason)}", soft_wrap=True)
    more = told.reasons[_REASONS:]
    if more:
        terminal.print(
            f"  [dim]… and {len(more)} other reasons for {sum(count for _, count in more)} more (-v shows all)[/]"
        )
