"""The recorder beside a trace function that only stores the `repr` of all locals, and beside public tools that trace.

In turns in one run, each in this process; a ratio is the median of the rounds' own:

    python benchmarks/peers.py [--json] [--rounds N] [--only NAME]

Programs: tight `loops`; growing `texts`; `recursion`; `objects`, 34 locals with ten dataclasses of atoms. `bare`
keeps every text of every local at every event, and nothing else: no depth, no ends, no bounds. `recorder` is the probe
alone, `journal` with what it writes for the server to read, `decoded` with the events made of that. hunter, PySnooper,
snoop and viztracer are measured where they are installed; what they keep stands beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.record.debuggee import Journal
from cwm_lsp.record.decoder import RecordDecoder, many_made
from cwm_lsp.record.inprocess import load
from cwm_lsp.record.probe import Limits, trace_call

PROGRAMS = {
    "loops": """\
def f(n):
    total = 0
    for i in range(n):
        if i % 3 == 0:
            total += i
        else:
            total -= 1
    return total
""",
    "texts": """\
def f(n):
    text = ""
    words = []
    seen = {}
    for i in range(n):
        word = "w" + str(i % 7)
        text += word
        words.append(word)
        seen[word] = seen.get(word, 0) + 1
        if len(text) > 200:
            text = text[100:]
            words = words[-5:]
    return text, seen
""",
    "recursion": """\
def fib(k):
    if k < 2:
        return k
    return fib(k - 1) + fib(k - 2)


def f(n):
    return sum(fib(8) for _ in range(n))
""",
    "objects": """\
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: float
    name: str


def f(n):
    a0, a1, a2, a3, a4, a5 = 1, 2.5, "three", b"four", None, True
    b0, b1, b2, b3, b4, b5 = 10**9, -1.5, "x" * 30, (1, 2), "", 0
    c0, c1, c2, c3, c4, c5 = 7, 8, 9, "ten", "eleven", 12.0
    d0, d1, d2 = [1, 2, 3], {"a": 1}, ("t", 1)
    p0, p1, p2, p3, p4 = [Point(k, k / 2, "p") for k in range(5)]
    p5, p6, p7, p8, p9 = [Point(k, k / 3, "q") for k in range(5)]
    total = 0
    for i in range(n):
        total += i
        p3.x = i
        a0 = p3.x + total
        d0[1] = i
    return total
""",
}
CALLS = {"loops": "f(4000)", "texts": "f(1200)", "recursion": "f(40)", "objects": "f(500)"}
PATH = "<measured>"
KEEPS = {
    "bare": "every local's text at every event",
    "recorder": "events as 3.11 has them, changed texts, bounded; reprs that change things are not called",
    "journal": "the same, written where it survives the process",
    "decoded": "the same, as events",
    "hunter": "new and changed locals, as lines of text",
    "pysnooper": "new and changed locals, as lines of text cut at 100 characters",
    "snoop": "new and changed locals, as lines of text",
    "viztracer": "calls and returns, no locals",
}


def target(namespace: dict[str, Any]) -> tuple[str, int]:
    return "f", namespace["f"].__code__.co_firstlineno


def bare(namespace: dict[str, Any], call: str) -> int:
    kept: list[Any] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != PATH:
            return None
        kept.append((event, frame.f_lineno, {name: repr(value) for name, value in frame.f_locals.items()}))
        return trace

    code = compile(call, "<call>", "eval")
    sys.settrace(trace)
    try:
        eval(code, namespace)
    finally:
        sys.settrace(None)
    return len(kept)


def recorder(namespace: dict[str, Any], call: str) -> int:
    records: list[Any] = []
    trace_call(call, namespace, PATH, [target(namespace)], limits=Limits(events=10**9), emit=records.append)
    return len(records) - 1


def journal(namespace: dict[str, Any], call: str, *, decode: bool = False) -> int:
    size = 8 << 20
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(size)
        written = Journal(file.name, size)
        trace_call(call, namespace, PATH, [target(namespace)], limits=Limits(events=10**9), emit=written.emit)
        if not decode:
            return 0
        data = Path(file.name).read_bytes()
    with many_made():
        records = json.loads(b"[" + data[: data.index(b"\0") - 2] + b"]")
        return len(list(RecordDecoder().events(records)))


def decoded(namespace: dict[str, Any], call: str) -> int:
    return journal(namespace, call, decode=True)


def hunter(namespace: dict[str, Any], call: str) -> int:
    import hunter  # type: ignore[import-not-found]

    out = io.StringIO()
    with hunter.trace(filename=PATH, action=hunter.VarsSnooper(stream=out, repr_func=repr)):
        eval(compile(call, "<call>", "eval"), namespace)
    return out.getvalue().count("\n")


def pysnooper(namespace: dict[str, Any], call: str) -> int:
    import pysnooper  # type: ignore[import-not-found]

    out = io.StringIO()
    with pysnooper.snoop(out, depth=10**6):
        eval(compile(call, "<call>", "eval"), namespace)
    return out.getvalue().count("\n")


def snoop(namespace: dict[str, Any], call: str) -> int:
    import snoop  # type: ignore[import-not-found]

    out = io.StringIO()
    config = snoop.Config(out=out)
    with config.snoop(depth=10**6):
        eval(compile(call, "<call>", "eval"), namespace)
    return out.getvalue().count("\n")


def viztracer(namespace: dict[str, Any], call: str) -> int:
    from viztracer import VizTracer  # type: ignore[import-not-found]

    tracer = VizTracer(verbose=0, log_func_args=True, log_func_retval=True)
    tracer.start()
    try:
        eval(compile(call, "<call>", "eval"), namespace)
    finally:
        tracer.stop()
    return int(tracer.parse())


WAYS: dict[str, Callable[[dict[str, Any], str], int]] = {
    "bare": bare,
    "recorder": recorder,
    "journal": journal,
    "decoded": decoded,
    "hunter": hunter,
    "pysnooper": pysnooper,
    "snoop": snoop,
    "viztracer": viztracer,
}


def measure(rounds: int, only: str | None) -> dict[str, dict[str, float]]:
    ways = {name: way for name, way in WAYS.items() if name in _OURS or importlib.util.find_spec(name)}
    result: dict[str, dict[str, float]] = {}
    for name, source in PROGRAMS.items():
        if only not in (None, name):
            continue
        namespace = load(source, PATH)
        ratios: dict[str, list[float]] = {}
        for _ in range(rounds):
            seconds = {}
            for way, run in ways.items():
                started = time.perf_counter()
                run(namespace, CALLS[name])
                seconds[way] = time.perf_counter() - started
            for way, taken in seconds.items():
                ratios.setdefault(way, []).append(taken / seconds["bare"])
            ratios.setdefault("seconds, bare", []).append(seconds["bare"])
        result[name] = {way: statistics.median(values) for way, values in ratios.items()}
    return result


_OURS = frozenset({"bare", "recorder", "journal", "decoded"})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=list(PROGRAMS))
    arguments = parser.parse_args()
    with contextlib.redirect_stderr(io.StringIO()):
        result = measure(arguments.rounds, arguments.only)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"Python {sys.version.split()[0]}: time, as a multiple of bare")
    for name, ratios in result.items():
        print(f"{name} ({ratios.pop('seconds, bare'):.3f} s bare)")
        for way, ratio in ratios.items():
            print(f"  {way:10} {ratio:6.2f} ×  {KEEPS[way]}")


if __name__ == "__main__":
    main()
