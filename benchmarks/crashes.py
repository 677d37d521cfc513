"""Crashes that are found without running anything, against real runs and an independent generator.

    python benchmarks/crashes.py FOLDER [PACKAGE ...] [--functions N] [--candidates N] [--seconds N] [--seed N]

FOLDER holds unpacked source distributions, one a folder; nothing is downloaded. N functions are drawn whose parameters
all have type hints, or defaults, that Hypothesis makes values of. Each is searched for crashes; then as many candidates
as are asked for, made by Hypothesis from the hints alone, are **really run** in a child process, so that the packages'
code is run here. Told are, of the functions that could be imported and called:

- crash findings, and how many of them a run confirms (the child calls what the finding says);
- functions that crash on a candidate (by an exception that the file itself does not raise on purpose), and how many of
  them had a finding;
- lines that candidates reach, and how many of a sample of them `find --line` reaches;
- seconds to the first finding of a function with one, by an evaluator that is warm.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.search.crash import NEVER_ENDS
from cwm_lsp.search.crashes import crashes, is_deliberate, known, own_exceptions, raising_lines, wanted
from cwm_lsp.search.goals import find, reaches
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.workspace import File, attempt_in, python_files
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import Function

LINES = 5
"""Lines of a function that are looked for."""

CHILD = """
import importlib, inspect, json, random, signal, sys, typing, warnings
warnings.simplefilter("ignore")
job = json.load(sys.stdin)
sys.path[:0] = job["sys_path"]
class Late(BaseException): pass
def late(*_): raise Late
signal.signal(signal.SIGALRM, late)
module = importlib.import_module(job["module"])
function = getattr(module, job["function"])
path = job["path"]
out = {"confirmed": [], "crashes": [], "lines": []}
def ending(call):
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        call()
    except Late:
        return ("never ends", None)
    except Exception as error:
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == path: line = trace.tb_lineno
            trace = trace.tb_next
        return (type(error).__name__, line)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
for call in job["calls"]:
    out["confirmed"].append(ending(lambda: eval(call, vars(module))))
if job["candidates"]:
    from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
    hints = typing.get_type_hints(function)
    parts = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in hints: parts[name] = st.from_type(hints[name])
    lines, found = set(), set()
    def trace(frame, event, argument):
        if frame.f_code.co_filename != path: return None
        if event == "line": lines.add(frame.f_lineno)
        return trace
    @seed(job["seed"])
    @settings(max_examples=job["candidates"], deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries(parts))
    def run(arguments):
        sys.settrace(trace)
        try: how = ending(lambda: function(**arguments))
        finally: sys.settrace(None)
        if how is not None and how[1] is not None: found.add(how)
    signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, job["seconds"])
    try: run()
    except Late: pass
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    out["crashes"], out["lines"] = sorted(found), sorted(lines)
print("\\n" + json.dumps(out))
"""


@dataclass
class Counts:
    """Of all functions."""

    functions: int = 0
    findings: int = 0
    confirmed: int = 0
    crashing: int = 0
    flagged: int = 0
    lines: int = 0
    reached: int = 0
    more: int = 0
    """Functions with a confirmed finding, and no candidate that crashes."""
    first: list[float] = field(default_factory=list)


def run_child(file: File, function: Function, calls: Sequence[str], candidates: int, seconds: float, seed: int) -> dict:
    """What really comes of calls and candidates; empty where the function cannot be imported or no values made."""
    place = layout(file.path, file.text)
    job = {
        "sys_path": list(place.sys_path), "module": place.module, "function": function.name, "path": str(file.path),
        "calls": list(calls), "candidates": candidates, "seconds": seconds, "seed": seed,
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=4 * seconds + 60,
        )
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return {}


def is_drawn(function: Function) -> bool:
    """Whether hints alone say how to call a function of the top level."""
    needed = [one for one in function.parameters if one.default is None]
    return (
        function.kind == "function"
        and function.parent is None
        and not function.decorators
        and bool(function.parameters)
        and not function.is_async
        and not function.is_generator
        and not function.name.startswith("__")
        and all(one.annotation and "Any" not in one.annotation and one.kind != "var-keyword" for one in needed)
        and not any(one.kind in ("var-positional", "positional-only", "var-keyword") for one in function.parameters)
    )


def measure(file: File, function: Function, evaluator: Evaluator, options: argparse.Namespace, counts: Counts) -> None:
    trying = partial(attempt_in(evaluator, file), file.text, function.qualname)
    facts = known(file.text, [function], str(file.path), {})[0]
    list(trying([*facts.calls[:1], "None"]))  # the evaluator is warm
    started = time.monotonic()
    brief = crashes(file.text, function, trying, known=facts, budget=Budget(calls=64, seconds=0.4, stale=64))
    first = time.monotonic() - started
    searched = crashes(file.text, function, trying, known=facts, budget=Budget(seconds=options.seconds))
    found = [one for one in searched.crashes if one.vouched]
    real = run_child(file, function, [one.call for one in found], options.candidates, 4 * options.seconds, options.seed)
    if not real:
        return
    counts.functions += 1
    if brief.crashes:
        counts.first.append(first)
    for crash, (kind, line) in zip(found, (how or (None, None) for how in real["confirmed"]), strict=True):
        is_shown = kind == crash.type and (crash.type == NEVER_ENDS or line == crash.line)
        counts.findings += 1
        counts.confirmed += is_shown
        if not is_shown:
            _tell(f"not confirmed: {file.shown}:{crash.line}: {crash}; the run: {kind} at {line}")
    raised, own = raising_lines(file.text), own_exceptions(file.text)
    inside = range(function.first_line, function.last_line + 1)
    crashing = [
        (kind, line) for kind, line in real["crashes"]
        if kind not in own and not is_deliberate(raised.get(line), kind) and line in inside
    ]  # fmt: skip
    if crashing:
        counts.crashing += 1
        counts.flagged += bool(found)
        if not found:
            _tell(f"not flagged: {file.shown}:{crashing[0][1]}: {function.qualname}: {crashing[0][0]}")
    elif any(how is not None for how in real["confirmed"]):
        counts.more += 1
    dice = random.Random(options.seed)
    lines = [line for line in real["lines"] if function.def_line < line <= function.last_line]
    for line in sorted(dice.sample(lines, min(LINES, len(lines)))):
        budget = Budget(2_000, options.seconds, 1_000)
        why: str | None
        try:
            sought = find(file.text, function, trying, reaches(line), known=facts.calls, budget=budget)
            is_reached, why = sought.found is not None, sought.why
        except UserError as error:
            is_reached, why = False, str(error)
        counts.lines += 1
        counts.reached += is_reached
        if not is_reached:
            _tell(f"not reached: {file.shown}:{line}: {function.qualname} ({why})")


def drawn(folder: Path, packages: Sequence[str], number: int, seed: int) -> Iterator[tuple[File, Function]]:
    everything: list[tuple[File, Function]] = []
    for path in python_files([folder]):
        parts = path.relative_to(folder).parts
        if packages and not any(parts[0].startswith(name) for name in packages):
            continue
        if any(part in ("tests", "test", "docs", "benchmarks", "examples", "setup.py") for part in parts):
            continue
        try:
            file = File.read(path)
        except UserError:
            continue
        everything += [(file, function) for function in wanted(file.text) if is_drawn(function)]
    random.Random(seed).shuffle(everything)
    yield from everything[:number]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--functions", type=int, default=300)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one search; candidates have four times that")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts, evaluator = Counts(), Evaluator()
    try:
        for file, function in drawn(options.folder.absolute(), options.packages, options.functions, options.seed):
            measure(file, function, evaluator, options, counts)
    finally:
        evaluator.close()
    print(f"{counts.functions} functions")
    print(f"{counts.findings} findings, {counts.confirmed} confirmed{_share(counts.confirmed, counts.findings)}")
    print(
        f"{counts.crashing} functions crash on a candidate, {counts.flagged} of them flagged"
        f"{_share(counts.flagged, counts.crashing)}; {counts.more} more crash on a finding's call alone"
    )
    print(
        f"{counts.lines} lines reached by candidates, {counts.reached} by `find`{_share(counts.reached, counts.lines)}"
    )
    if counts.first:
        print(
            f"first finding after {statistics.median(counts.first):.2f} s (median), {max(counts.first):.2f} s at most"
        )


def _tell(text: str) -> None:
    print(text, flush=True)


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""


if __name__ == "__main__":
    main()
