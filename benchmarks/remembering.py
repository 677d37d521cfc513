"""How far one run carries: a call is recorded, its function edited, predicted with what the run saw, run twice more.

    python benchmarks/remembering.py [--only PROGRAM] [--show] [--json]

Programs ask what a text cannot know: a server on loopback, SQLite, a seeded generator of random numbers, the clock, the
file system, the environment, a C extension. Edits: none, a local renamed, an expression given a name, a print between
statements, a constant changed, two neighbouring assignments exchanged, an early return put before the end. Only those
events count that two runs of the edited text agree on, values of the clock and the like therefore not, except by
`rerun`, which holds the prediction against the very run that is remembered. Told: events right (place and all values),
values that are shown as remembered and wrong, milliseconds that an answer took.
"""

from __future__ import annotations

import argparse
import ast
import http.server
import json
import os
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cwm_lsp.predict.memory import Memory, Run
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.source.functions import find
from cwm_lsp.trace.compare import align
from cwm_lsp.trace.events import Event, Trace

PROGRAMS = {
    "server": '''
import json
import urllib.request

def fetch(path):
    with urllib.request.urlopen("http://127.0.0.1:{port}/" + path) as answer:
        status = answer.status
        body = answer.read()
    return status, json.loads(body)

def target(names):
    sizes = {{}}
    limit = 30
    for name in names:
        status, row = fetch(name)
        if status == 200 and row["size"] < limit:
            sizes[name] = row["size"] * 2
    total = sum(sizes.values())
    return sizes, total
''',
    "database": '''
import sqlite3

def rows(minimum):
    connection = sqlite3.connect("{folder}/shop.db")
    found = connection.execute("select name, price from items where price > ? order by name", (minimum,)).fetchall()
    connection.close()
    return found

def target(minimum):
    bill = []
    discount = 2
    for name, price in rows(minimum):
        price = price - discount
        bill.append((name.upper(), price))
    count = len(bill)
    return bill, count
''',
    "random": '''
import random

def target(n):
    dice = random.Random(n)
    sides = 6
    thrown = []
    for number in range(n):
        value = dice.randint(1, sides)
        thrown.append(value)
        if value == sides:
            thrown.append(0)
    best = max(thrown)
    return thrown, best
''',
    "clock": '''
from datetime import datetime, timedelta

def target(days):
    now = datetime.now()
    step = 2
    dates = []
    for day in range(days):
        later = now + timedelta(days=day * step)
        dates.append(later.year > 2000)
    whole = all(dates)
    return whole, len(dates)
''',
    "files": '''
import os

def target(folder):
    sizes = []
    least = 3
    for name in sorted(os.listdir(folder)):
        size = os.stat(os.path.join(folder, name)).st_size
        if size > least:
            sizes.append((name, size))
    largest = max(size for _, size in sizes)
    return sizes, largest
''',
    "environment": '''
import os
import platform

def target(names):
    found = {{}}
    default = "none"
    for name in names:
        value = os.getenv(name, default)
        found[name] = len(value)
    system = platform.system()
    return found, system
''',
    "extension": '''
import numpy

def target(values):
    array = numpy.array(values)
    factor = 2
    doubled = array * factor
    mean = float(doubled.mean())
    large = [int(item) for item in doubled if item > mean]
    return mean, large
''',
}  # fmt: skip
CALLS = {
    "server": "target(['a', 'b', 'c'])",
    "database": "target(3)",
    "random": "target(5)",
    "clock": "target(4)",
    "files": "target('{folder}')",
    "environment": "target(['HOME', 'NOSUCHNAME'])",
    "extension": "target([1, 5, 3, 8])",
}
WHEN = "2026-01-01T00:00:00+00:00"


class _Answers(http.server.BaseHTTPRequestHandler):
    """`/a` has the size 10, `/b` 20 …"""

    def do_GET(self) -> None:
        body = json.dumps({"name": self.path[1:], "size": 10 * (ord(self.path[1]) - 96)}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is told."""


def edits(source: str) -> Iterator[tuple[str, str]]:
    """Edits of the function `target` and the texts that they make."""
    yield "none", source

    def edited(change: Callable[[ast.FunctionDef], None]) -> str:
        tree = ast.parse(source)
        change(next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "target"))
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"

    def rename(function: ast.FunctionDef) -> None:
        name = next(node.targets[0].id for node in function.body if isinstance(node, ast.Assign))  # type: ignore[attr-defined]
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = "renamed"

    def extract(function: ast.FunctionDef) -> None:
        last = function.body[-1]
        assert isinstance(last, ast.Return) and last.value is not None
        function.body[-1:] = [ast.parse(f"answer = {ast.unparse(last.value)}").body[0], ast.parse("answer").body[0]]
        function.body[-1] = ast.Return(ast.Name("answer", ast.Load()))

    def prints(function: ast.FunctionDef) -> None:
        function.body[1:1] = ast.parse("print('begins')").body
        loop = next(node for node in function.body if isinstance(node, ast.For | ast.Assign))
        if isinstance(loop, ast.For):
            loop.body[0:0] = ast.parse("print('again')").body

    def constant(function: ast.FunctionDef) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value > 1:
                node.value += 1
                return

    def exchange(function: ast.FunctionDef) -> None:
        function.body[0], function.body[1] = function.body[1], function.body[0]

    def leave(function: ast.FunctionDef) -> None:
        function.body[-1:-1] = ast.parse("if len(str(1)) == 2:\n    return None").body

    for change in (rename, extract, prints, constant, exchange, leave):
        if change is not exchange or "    limit" in source or "    discount" in source or "    least" in source:
            yield change.__name__, edited(change)


def recorded(source: str, call: str) -> Trace:
    line = next(n for n, text in enumerate(source.splitlines(), 1) if text.startswith("def target("))
    return record_in_process(source, "target", call, target=("target", line), path="program.py")


def measure(predictor: Predictor, source: str, original: Trace, call: str, counts: Counter[str]) -> list[str]:
    """Count what a prediction has right of the events that two runs agree on; what it has wrong as text."""
    predicted = predictor.predict(
        Task("program.py", source, find(source, "target", "program.py"), call, "__recorded__"),
        budget=Budget(sure=0.94),
        runs=[Run(original, WHEN)],
    )
    one, other = recorded(source, call), recorded(source, call)
    wrong = []
    pairs = {right: left for left, right in align(predicted, one) if right is not None and left is not None}
    for index, (event, again) in enumerate(zip(one.events, other.events, strict=False)):
        if _shown(event) != _shown(again):
            continue
        counts["events"] += 1
        mine = predicted.events[pairs[index]] if index in pairs else None
        counts["right"] += mine is not None and _shown(mine) == _shown(event)
        for name, text in _shown(mine)[3].items() if mine is not None else ():
            if mine is not None and mine.provenance.get(name) == "remembered":
                counts["remembered"] += 1
                if _shown(event)[3].get(name) != text:
                    counts["wrong"] += 1
                    wrong.append(f"line {event.line}: {name} {text} was {_shown(event)[3].get(name)}")
    counts["rerun events"] += len(original.events) if source == original.source else 0
    if source == original.source:
        counts["rerun right"] += sum(
            _shown(a) == _shown(b) for a, b in zip(predicted.events, original.events, strict=False)
        )
    return wrong


def _shown(event: Event) -> tuple[str, int, int, dict[str, str | None]]:
    values: dict[str, str | None] = dict(event.locals) if event.value is None else {"value": event.value}
    return event.kind, event.line, event.depth, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=PROGRAMS)
    parser.add_argument("--show", action="store_true", help="what was remembered and wrong")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spent: list[float] = []
    ask = Memory.answer

    def timed(memory: Memory, question: Any) -> Any:
        started = time.perf_counter()
        try:
            return ask(memory, question)
        finally:
            spent.append(1000 * (time.perf_counter() - started))

    Memory.answer = timed  # type: ignore[method-assign]
    predictor = Predictor.load()
    table: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "note.txt").write_text("some text\n")
        with sqlite3.connect(os.path.join(folder, "shop.db")) as connection:  # noqa: PTH118
            connection.execute("create table items (name text, price int)")
            connection.executemany("insert into items values (?, ?)", [("tea", 4), ("pot", 20), ("cup", 7), ("mat", 2)])
        for name in [options.only] if options.only else PROGRAMS:
            fill = {"port": server.server_port, "folder": folder}
            source = ast.unparse(ast.parse(PROGRAMS[name].format(**fill))) + "\n"
            call = CALLS[name].format(**fill)
            original = recorded(source, call)
            for edit, text in edits(source):
                wrong = measure(predictor, text, original, call, table.setdefault(edit, Counter()))
                for line in wrong if options.show else ():
                    print(f"{name}, {edit}: {line}")
    spent.sort()
    took = {"median": spent[len(spent) // 2], "p99": spent[int(len(spent) * 0.99)], "questions": len(spent)}
    if options.json:
        print(json.dumps({"edits": table, "answer ms": took}))
        return
    print(f"{'edit':10} {'events':>7} {'right':>7} {'remembered':>11} {'wrong':>6}")
    for edit, counts in table.items():
        share = counts["right"] / max(1, counts["events"])
        print(f"{edit:10} {counts['events']:7} {share:7.1%} {counts['remembered']:11} {counts['wrong']:6}")
    rerun = table["none"]
    again = rerun["rerun right"] / max(1, rerun["rerun events"])
    print(f"against the run that is remembered: {again:.1%} of its events")
    print(f"an answer: median {took['median']:.2f} ms, p99 {took['p99']:.2f} ms ({took['questions']} questions)")


if __name__ == "__main__":
    main()
