"""The `cwm-lsp` command: reads arguments, starts jobs, sets the exit code. No work of its own.

Exit codes: 0 done; 1 done, and a divergence or a likely or actual exception was found; 2 bad usage or input; 3 the
model or the debuggee could not be run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwm_lsp import __version__
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.faults import fault, run_out
from cwm_lsp.options import (
    JSON,
    MEMORY,
    MODEL,
    PYTHON,
    RUN,
    SCOPE,
    SEARCH,
    SEARCHING,
    WORK,
    alone,
    flags_of,
    options,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from cwm_lsp.jobs import Advance, Comparison
    from cwm_lsp.predict.predictor import Predictor
    from cwm_lsp.record.recorder import RecorderPool
    from cwm_lsp.target import Target
    from cwm_lsp.trace.events import Trace

    Result = Trace | Comparison

DONE, FOUND, BAD_INPUT, UNAVAILABLE = 0, 1, 2, 3
INTERRUPTED = 130
_CODES = {"done": DONE, "found": FOUND, "unavailable": UNAVAILABLE}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cwm-lsp")
def cli() -> None:
    """Predict what a Python function does, line by line; run it; see where reality left the prediction."""


def main() -> None:
    """Run the command line. What a user can mend is one line on stderr; a fault of ours is one line and a log."""
    try:
        code = cli.main(prog_name="cwm-lsp", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except UserError as error:
        code = _fail(str(error), BAD_INPUT)
    except UnavailableError as error:
        code = _fail(str(error), UNAVAILABLE)
    except SystemExit:  # click's, where the reader of our output has seen enough
        for stream in (sys.stdout, sys.stderr):  # what is left to be written goes nowhere, too
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        code = DONE
    except Exception as error:
        code = _fail(run_out(error) or fault(), UNAVAILABLE)
    sys.exit(code if isinstance(code, int) else DONE)


def _fail(message: str, code: int) -> int:
    say("error", "red", message)
    return code


@cli.command()
@options(WORK, MODEL, SCOPE, MEMORY, JSON)
def predict(target: str | None, call: str | None, batch: Path | None, as_json: bool, **choices: Any) -> int:
    """Predict the states of a call, line by line. Nothing of FILE is run."""
    from cwm_lsp import jobs

    with jobs.predicting(settings_of(alone(choices, batch))) as job:
        return _run(job, "predicting", target, call, batch, as_json)


@cli.command()
@options(WORK, RUN, SCOPE, MEMORY, JSON)
@click.option("--pytest", "tests", is_flag=True, help="Run pytest instead: every function that tests reach has a call.")
@click.argument("arguments", metavar="[-- ARGS OF PYTEST...]", nargs=-1, type=click.UNPROCESSED)
def record(
    target: str | None,
    call: str | None,
    batch: Path | None,
    as_json: bool,
    tests: bool,
    arguments: tuple[str, ...],
    **choices: Any,
) -> int:
    """Run a call under debugpy, in a child process with limits, and print its real states.

    With --pytest the project's tests are run as ever, and of each of its functions the first calls that they make are
    kept: they are offered, and what they saw is remembered. The exit code is pytest's.
    """
    from cwm_lsp import jobs

    if tests:
        return _record_tests([target, *arguments] if target else [], as_json, **choices)
    if arguments:
        raise click.UsageError(f"only one target: {arguments[0]} is one too many")
    settings = settings_of(alone(choices, batch))
    with jobs.recording(settings, settings.record.scope) as job:
        return _run(job, "recording", target, call, batch, as_json)


def _record_tests(arguments: list[str], as_json: bool, **choices: Any) -> int:
    import json
    from functools import partial

    from cwm_lsp.record.suite import run
    from cwm_lsp.report import progress

    settings = settings_of(choices)
    if not settings.record.remember:
        raise UserError("record.remember is off: nothing that tests do would be kept; run pytest itself")
    python = settings.record.python
    keeping = partial(progress, "keeping calls")
    code, kept = run(arguments, Path.cwd(), Path(python) if python else None, keeping, quiet=as_json)
    if as_json:
        click.echo(json.dumps({"exit": code, **kept.to_json()}))
    else:
        click.echo(
            f"{kept.calls:,} call{'s' * (kept.calls != 1)} of {kept.functions:,} function{'s' * (kept.functions != 1)} "
            f"kept; of {kept.usable:,} of these there is one that can be predicted and run again",
            err=True,
        )
    return code


@cli.command()
@options(WORK, MODEL, RUN, SCOPE, MEMORY, JSON)
def compare(target: str | None, call: str | None, batch: Path | None, as_json: bool, **choices: Any) -> int:
    """Predict a call, run it under debugpy, and show where reality left the prediction."""
    from cwm_lsp import jobs

    with jobs.comparing(settings_of(alone(choices, batch))) as job:
        return _run(job, "comparing", target, call, batch, as_json)


@cli.command()
@options(MODEL, RUN, JSON)
def demo(as_json: bool, **choices: Any) -> int:
    """`compare` on the example that comes with cwm-lsp: needs no file, no network and no GPU."""
    from cwm_lsp import examples, jobs

    settings = settings_of({**choices, "remember": False})
    with examples.copied("shop") as shop, jobs.comparing(settings) as job:
        code = _run(job, "comparing", f"{shop / 'checkout.py'}:order_total", None, None, as_json)
    return DONE if code == FOUND else code  # divergences are what the example is there to show


@cli.command()
@click.argument("data", metavar="DATA.jsonl", type=click.Path(path_type=Path))
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N rows.")
@options(MODEL, RUN, JSON)
def evaluate(data: Path, limit: int | None, as_json: bool, **choices: Any) -> int:
    """Measure predictions against real runs of the calls in DATA.jsonl, whose code is run to learn the truth.

    Rows are as in CRUXEval, {"code", "input", "output"}, or {"path" or "code", "function", "call", "expected" or
    "raises"}. Without --assist all levels of assistance are measured.
    """
    from functools import partial

    from cwm_lsp import jobs, report
    from cwm_lsp.lab.measure import measure
    from cwm_lsp.predict.predictor import Predictor

    settings = settings_of({**choices, "remember": False})
    predictor = Predictor.load(**settings.model.model_dump())
    predictors = {
        level: partial(jobs.predict_with, predictor, settings.predict.model_copy(update={"assist": level}))
        for level in ([choices["assist"]] if choices["assist"] else ["off", "draft", "lock"])
    }
    with jobs.recording(settings) as record, report.progress("evaluating") as advance:
        result = measure(data, limit, predictors, record, advance)
    report.show(result, as_json)
    if not result.rows:
        raise UserError(f"{data} has no row that can be measured; cwm-lsp evaluate --help says what a row is")
    return DONE


@cli.command()
@click.argument("paths", metavar="[PATHS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Run each call that is found, to confirm it.")
@click.option("--json", "form", flag_value="json", help="One JSON object a line on stdout, and nothing else.")
@click.option("--sarif", "form", flag_value="sarif", help="A SARIF 2.1.0 log on stdout, and nothing else.")
@click.option("--deliberate", is_flag=True, help="Also what the code raises or asserts itself.")
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts of the files.")
@click.option("--merge", metavar="FILE", type=click.Path(path_type=Path), multiple=True, help="Join results of --json.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep what was found before.")
@options(SEARCH, RUN)
def crashes(paths: tuple[Path, ...], form: str | None, merge: tuple[Path, ...], no_cache: bool, **choices: Any) -> int:
    """Find calls within the functions' own hints on which they crash or never end. Nothing of PATHS is run.

    PATHS are files and folders (default: this folder). Only what is computed is told, each with its smallest call.
    Exit codes: 0 nothing found, 1 found, 2 could not.
    """
    from cwm_lsp.searches import find_crashes, merge_crashes

    if merge:
        return merge_crashes(merge, form or "text")
    how = {name: choices.pop(name) for name in ("verify", "deliberate", "seconds", "jobs", "seed", "shard")}
    how |= {"keep": not no_cache, "form": form or "text"}
    return find_crashes(paths or (Path(),), settings_of(choices), fault=fault, **how)


@cli.command()
@click.argument("paths", metavar="[PATHS…]", nargs=-1)
@click.option("--run", is_flag=True, help="Also run the tests, and hold the verdicts against that.")
@options(JSON)
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML, too.")
@click.option("--changed", is_flag=True, help="Only files that differ from git's last commit, and what names them.")
@click.option("--jobs", metavar="N", type=click.IntRange(min=1), help="Files at once (default: one a core).")
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts of the files.")
@click.option(
    "--merge",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Join what --json wrote (once for each file), and verify nothing.",
)
@click.option("--python", metavar="PATH", help="The interpreter of the tests (default: the project's, else this one).")
@click.option(
    "--timeout",
    metavar="S",
    type=click.FloatRange(min=0.1),
    default=10.0,
    help="Of --run: seconds a test may take (10).",
)
@click.option("--no-cache", is_flag=True, help="Keep nothing, and use nothing that was kept.")
@click.option("-v", "--verbose", is_flag=True, help="Also show what passes and what is not known.")
def verify(no_cache: bool, jobs: int | None, **choices: Any) -> int:
    """Tell which tests and doctests will pass. Nothing is run, unless --run asks for it.

    PATHS are files, folders or pytest node ids. Exit codes: 0 nothing is known to fail, 1 something is, 2 bad input, 3
    tests could not be run, 5 there is nothing to verify.
    """
    from cwm_lsp.verifying import Options
    from cwm_lsp.verifying import verify as work

    return work(Options(keep=not no_cache, jobs=jobs or 0, **choices))


@cli.command()
@click.argument("target", metavar="FILE[:FUNCTION]")
@click.option("--line", metavar="N", type=click.IntRange(min=1), help="It comes to that line of FILE.")
@click.option("--raises", "raising", metavar="[TYPE]", is_flag=False, flag_value="", help="It raises (that exception).")
@click.option("--returns", "returning", metavar="EXPR", help="It returns that value.")
@click.option(
    "--where", "condition", metavar="EXPR", help="That holds of its variables at some step (of --line, if given)."
)
@click.option("--differs-from", metavar="[FILE:]FUNCTION", help="That function ends otherwise on the same arguments.")
@options(PYTHON, JSON, *SEARCHING)
def find(target: str, python: Path | None, **asked: Any) -> int:
    """Find the smallest call of a function that does all that is asked. Nothing is run.

    Exit codes: 0 found, 1 not found, 2 could not.
    """
    from cwm_lsp.searches import find_call

    goals = ("line", "raising", "returning", "condition", "differs_from")
    if all(asked[name] is None for name in goals):
        raise click.UsageError("say what the call should do: --line, --raises, --returns, --where or --differs-from")
    if asked["differs_from"] is not None and any(asked[name] is not None for name in goals[:-1]):
        raise click.UsageError("--differs-from goes with no other goal")
    return find_call(target, settings_of({"python": python}), **asked)


@cli.command()
@click.argument("target", metavar="FILE[:FUNCTION]")
@click.option("--call", "calls", metavar="CALL", multiple=True, help="A call that should do something (repeatable).")
@click.option(
    "--expect", "expected", metavar="EXPR", multiple=True,
    help="What that call should give, or the exception that it should raise; once for each --call.",
)  # fmt: skip
@click.option("--seconds", metavar="N", type=click.FloatRange(min=0.1), help="What the search may take (default: 20).")
@click.option("--apply", is_flag=True, help="Write the first edit into FILE, if all that is known holds with it.")
@options(PYTHON, JSON)
def repair(target: str, python: Path | None, **asked: Any) -> int:
    """Find edits of a function after which it does what is known of it. Nothing of FILE is run.

    Known is what --call and --expect say, and what its doctests and tests expect; without --expect a call should only
    end without an exception. Exit codes: 0 found, or nothing to mend; 1 not found; 2 could not.
    """
    from cwm_lsp.repairs import repair_function

    return repair_function(target, settings_of({"python": python}), **asked)


@cli.command()
@click.argument("target", metavar="FILE[:FUNCTION]")
@options(PYTHON, JSON, *SEARCHING)
def tests(target: str, python: Path | None, **how: Any) -> int:
    """Print tests of what a function does today, as pytest rows to be confirmed one by one. Nothing of FILE is run.

    They are the fewest calls found that reach every line and both sides of every condition. Exit codes: 0 printed,
    2 could not.
    """
    from cwm_lsp.repairs import write_tests

    return write_tests(target, settings_of({"python": python}), **how)


@cli.command()
@click.argument("revision", metavar="[REV]", default="HEAD")
@options(PYTHON, JSON, SEARCH)
def diff(revision: str, python: Path | None, **how: Any) -> int:
    """Find calls on which functions that have changed since REV (default: HEAD) end otherwise than before.

    The working tree is compared with a git revision; nothing of either is run. Exit codes: 0 no difference found,
    1 found, 2 could not.
    """
    from cwm_lsp.searches import find_differences

    return find_differences(revision, settings_of({"python": python}), **how)


@cli.command()
@options(MODEL, JSON)
@click.option(
    "--python",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="An interpreter to start and try (default: the one of cwm-lsp; that of the settings is not started).",
)
def doctor(as_json: bool, python: Path | None, **choices: Any) -> int:
    """Check what cwm-lsp needs on this machine, try the model, and say how to mend what is missing."""
    from cwm_lsp import report
    from cwm_lsp.doctor import examine

    findings = examine(settings_of(choices), python)
    report.show(findings, as_json)
    return UNAVAILABLE if findings.broken else DONE


@cli.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
def forget(file: Path | None) -> int:
    """Remove what is kept of runs: of FILE, or of the whole project around the working folder."""
    from cwm_lsp.record.store import TraceStore
    from cwm_lsp.source.environment import project

    store = TraceStore.of(str(file)) if file is not None else TraceStore(project(Path.cwd() / "program.py"))
    count = store.forget(None if file is None else str(file))
    what = f"{count} run{'s' * (count != 1)} forgotten" if count else f"no run of {file or 'this project'} is kept"
    click.echo(f"{what}; what is kept lies in {store.path}")
    return DONE


@cli.command()
@click.option("--stdio", is_flag=True, help="Speak over stdin and stdout (the default).")
@click.option("--tcp", metavar="HOST:PORT", help="Listen on a TCP address instead.")
@options(MODEL, RUN)
def serve(stdio: bool, tcp: str | None, **choices: Any) -> None:
    """Start the language server. What is chosen here is chosen for all folders, whatever the editor's settings say."""
    if stdio and tcp:
        raise click.UsageError("--stdio and --tcp exclude each other")
    from cwm_lsp.lsp.start import serve

    serve(tcp=tcp, flags=flags_of(choices))


@cli.command()
@click.option("--tcp", metavar="HOST:PORT", help="Listen on a port of this machine; port 0 is a free one.")
@options(MODEL)
def dap(tcp: str | None, **choices: Any) -> None:
    """Start a debug adapter on stdin and stdout: steps through a predicted or recorded call, forward and backward.

    Nothing of the user's is run, unless the client asks for that: by the mode "run", or by running to a line for real.
    The client's launch request names program, function and call. With --tcp, a line of JSON says host, port and the
    token that the launch request must have.
    """
    import json
    from contextlib import ExitStack
    from functools import cache

    from cwm_lsp.dap.serving import Server, serve
    from cwm_lsp.debugger import Debugger

    settings = settings_of(choices)

    @cache
    def predictor() -> Predictor:
        from cwm_lsp.predict.predictor import Predictor

        return Predictor.load(**settings.model.model_dump())

    with ExitStack() as held:

        @cache
        def recorders() -> RecorderPool:
            from cwm_lsp.record.recorder import RecorderPool

            return held.enter_context(RecorderPool())

        backend = Debugger(settings, predictor, recorders)
        if tcp is None:
            return serve(backend, fault)
        host, _, port = tcp.rpartition(":")
        if not (host and port.isdecimal()):
            raise click.UsageError("--tcp takes HOST:PORT")
        server = Server(backend, fault, host.strip("[]"), int(port))
        click.echo(json.dumps({"host": server.host, "port": server.port, "token": server.token}))
        return server.serve()


def _run(
    job: Callable[[Target, Advance], Result],
    verb: str,
    target: str | None,
    call: str | None,
    batch: Path | None,
    as_json: bool,
) -> int:
    """Do a job for one target or a batch of them, print what it gives, tell the exit code."""
    from cwm_lsp import jobs, report
    from cwm_lsp.target import resolve, split

    if (target is None) == (batch is None):
        raise click.UsageError("give either FILE[:FUNCTION] or --batch CASES.jsonl")
    if target is None:
        assert batch is not None
        if call is not None:
            raise click.UsageError("--call goes with FILE[:FUNCTION]; a batch has the call in each row")
        return _run_batch(job, verb, batch, as_json)
    found = resolve(*split(target), call)
    if not as_json:
        report.announce(verb, found)
    with report.progress(verb) as advance:
        result = job(found, advance)
    report.show(result, as_json)
    for trace in (result.predicted, result.recorded) if isinstance(result, jobs.Comparison) else (result,):
        if trace.outcome.kind not in ("return", "exception", "endless"):
            word, colour = ("error", "red") if trace.origin == "recorded" else ("warning", "yellow")
            say(word, colour, f"the {trace.origin} trace is incomplete: {trace.outcome.detail}")
    return _CODES[jobs.verdict(result)]


def _run_batch(job: Callable[[Target, Advance], Result], verb: str, batch: Path, as_json: bool) -> int:
    from cwm_lsp import report
    from cwm_lsp.jobs import verdict
    from cwm_lsp.target import cases

    code = DONE
    rows = cases(batch)
    with report.progress(verb, total=len(rows)) as advance:
        for case in rows:
            try:
                result = job(case.resolve(), lambda: None)
            except UserError as error:
                report.show_case_error(case, str(error), as_json)
                code = max(code, BAD_INPUT)
            except UnavailableError as error:
                report.show_case_error(case, str(error), as_json)
                code = max(code, UNAVAILABLE)
            except Exception:  # one row never ends a batch
                report.show_case_error(case, fault(), as_json)
                code = UNAVAILABLE
            else:
                report.show_case(case, result, as_json)
                code = max(code, _CODES[verdict(result)])
            advance()
    return code
