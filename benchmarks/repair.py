"""Faults seeded into real functions, mended by what half of their tests say, judged by the other half.

    python benchmarks/repair.py FOLDER [PACKAGE ...] [--functions N] [--seconds S] [--bodies] [--seed N]
    python benchmarks/repair.py --classics [NAME ...]

FOLDER holds unpacked packages, one a folder; nothing is downloaded, and none of their code is run. Looked at are
functions of which at least four checks (doctest examples, assertions) are computed and hold; every other check is
hidden. One fault is seeded into each function, after which a visible check does not hold. Faults are made by removing
and mixing what is there, not by the edits that the repair knows in reverse: a statement, one side of an operator, a
call around an argument are removed; an expression becomes another one of the function, a constant another one, two
statements are exchanged, a comparison is turned round.

`--bodies`: in place of that, the bodies of functions of one to five statements are replaced by `...`.

`--classics`: the textbook programs of the tests, each with its own fault; half of their calls are hidden, and the edits
are run.
"""

from __future__ import annotations

import argparse
import ast
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.repair.loop import Repair
from cwm_lsp.repair.text import Edit, FunctionText
from cwm_lsp.repair.trial import Trial, holds
from cwm_lsp.search.workspace import File, attempt_in, tests_of
from cwm_lsp.source.checks import Check, given, known_checks
from cwm_lsp.source.functions import Function, find, functions
from tests.repair.classics import CLASSICS

_SKIPPED = ("test", "conftest", "setup", "docs/")


@dataclass
class Counts:
    """What came of the faults."""

    faults: int = 0
    first: int = 0
    """The first edit is right by what is hidden."""
    some: int = 0
    """One of the edits is."""
    offered: int = 0
    breaking: int = 0
    """Edits after which a hidden check that held before the edit does not."""
    seconds: list[float] = field(default_factory=list)
    """To the first edit."""

    def show(self, name: str) -> None:
        share = max(self.faults, 1)
        middle = sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0.0
        some, first = self.some / share, self.first / share
        print(f"{name}: {self.faults} faults; some edit is right: {some:.0%}; the first: {first:.0%}")
        print(f"of {self.offered} edits {self.breaking} break what held; to the first edit: median {middle:.2f} s")


def seeded(text: FunctionText, dice: random.Random) -> Iterator[Edit]:
    """Faults of a function, in random order."""
    found: list[tuple[int, int, str]] = []
    statements = [
        one for one in text.statements if text.is_alone(one) and not text.source.startswith("elif", text.span(one)[0])
    ]
    for one in statements:
        start, stop = text.whole(one)
        found.append((start, stop, f"{text.indent(one)}pass\n"))
    for one, other in pairwise(statements):
        if text.whole(one)[1] == text.whole(other)[0] and text.indent(one) == text.indent(other):
            both = text.source[slice(*text.whole(other))] + text.source[slice(*text.whole(one))]
            found.append((text.whole(one)[0], text.whole(other)[1], both))
    expressions = [one for one in text.expressions if isinstance(getattr(one, "ctx", ast.Load()), ast.Load)]
    expressions = [one for one in expressions if not isinstance(one, ast.Slice | ast.Starred)]
    for one in expressions:
        span = text.span(one)
        match one:
            case ast.BinOp(left=left, right=right):
                found += [(*span, text.text(left)), (*span, text.text(right))]
            case ast.BoolOp(values=values):
                found += [(*span, text.operand(value)) for value in values]
            case ast.Compare(left=left, comparators=[right]):
                shown = text.source[text.span(left)[1] : text.span(right)[0]]
                found.append((*span, f"{text.operand(right)}{shown}{text.operand(left)}"))
                found.append((*span, f"not ({text.text(one)})"))
            case ast.Call(args=arguments):
                found += [
                    (*span, text.operand(argument)) for argument in arguments if not isinstance(argument, ast.Starred)
                ]
            case ast.Constant(value=bool(value)):
                found.append((*span, repr(not value)))
            case ast.Constant(value=int(value)):
                found.append((*span, repr(value + dice.choice((-2, -1, 1, 2, 5)))))
            case ast.Constant(value=str(value)):
                found.append((*span, repr(value[1:] if value else "x")))
            case ast.Subscript(value=value):
                found.append((*span, text.text(value)))
        other = dice.choice(expressions)
        if text.text(other) not in text.text(one) and text.text(one) not in text.text(other):
            found.append((*span, text.operand(other)))
    dice.shuffle(found)
    for change in found:
        yield Edit((change,), "", 0, 0.0)


def unwritten(text: FunctionText) -> Edit | None:
    """The function without its body, of one to five statements."""
    body = text.statements_of(text.node.body)
    if not 0 < len(text.statements) <= 5 or not body:
        return None
    start, stop = text.span(body[0])[0], text.span(body[-1])[1]
    return Edit(((start, stop, "..."),), "", 0, 0.0)


def subjects(folder: Path, packages: Sequence[str]) -> Iterator[tuple[File, Function]]:
    for package in sorted(one for one in folder.iterdir() if one.is_dir() and (not packages or one.name in packages)):
        for path in sorted(package.rglob("*.py")):
            shown = str(path.relative_to(package))
            if any(word in shown for word in _SKIPPED):
                continue
            try:
                file = File.read(path)
            except UserError:
                continue
            yield from ((file, one) for one in functions(file.text) if one.kind == "function" and one.parent is None)


def known_to_hold(file: File, function: Function, evaluator: Evaluator) -> list[Check]:
    checks = known_checks(file.text, function, path=str(file.path), tests=tests_of(file.path))
    if len(checks) < 4:
        return []
    trial = Trial(file.text, function, checks, partial(attempt_in, evaluator, file, None))
    return [check for check, called in zip(checks, trial.whole(file.text), strict=True) if holds(check, called)]


def measure(options: argparse.Namespace) -> Counts:
    dice = random.Random(options.seed)
    counts = Counts()
    chosen = list(subjects(options.folder, options.packages))
    dice.shuffle(chosen)
    evaluator = Evaluator()
    for file, function in chosen:
        if counts.faults >= options.functions:
            break
        checks = known_to_hold(file, function, evaluator)[:16]
        if len(checks) < 4:
            continue
        dice.shuffle(checks)
        visible, hidden = checks[::2], checks[1::2]
        text = FunctionText(file.text, function)
        edits = [one for one in [unwritten(text)] if one] if options.bodies else list(seeded(text, dice))[:12]
        for edit in edits:
            faulty = edit.applied(file.text)
            try:
                ast.parse(faulty)
                changed = find(faulty, function.qualname, file.shown)
            except (SyntaxError, UserError):
                continue
            within = partial(attempt_in, evaluator, File(file.shown, file.path, faulty), None)
            repair = Repair(faulty, changed, visible, within, seconds=options.seconds)
            if repair.failing:
                judge = Trial(faulty, changed, hidden, within)
                _count(counts, repair, partial(_judged, judge, hidden), f"{file.path.stem}.{function.qualname}")
                break
    evaluator.close()
    return counts


def _judged(judge: Trial, hidden: Sequence[Check], source: str) -> list[bool | None]:
    """What hidden checks say of a text of the file."""
    return [holds(check, called) for check, called in zip(hidden, judge.whole(source), strict=True)]


def _count(counts: Counts, repair: Repair, judged: Any, name: str) -> None:
    begun, first = time.monotonic(), 0.0
    before = judged(repair.source)
    for fix in repair:
        if not first and fix.is_whole:
            first = time.monotonic() - begun
    results = [judged(fix.text) for fix in repair.ranked() if fix.is_whole]
    right = [all(result) for result in results]
    counts.faults += 1
    counts.some += any(right)
    counts.first += right[:1] == [True]
    counts.offered += len(results)
    counts.breaking += sum(any(was and not now for was, now in zip(before, result, strict=True)) for result in results)
    counts.seconds += [first] if first else []
    print(
        f"{name:40} {repair.tried:6} tried, {len(results):3} edits, right {right}, first after {first:.2f} s",
        flush=True,
    )


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Ends what never does."""

    def over(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def run(text: str, calls: Sequence[str], wanted: dict[str, Any]) -> list[bool]:
    """Whether calls give what is wanted, really run."""
    found = []
    for call in calls:
        namespace: dict[str, Any] = {}
        try:
            with at_most(2):
                exec(text, namespace)
                found.append(bool(eval(call, namespace) == wanted[call]))
        except Exception:
            found.append(False)
    return found


def classics(options: argparse.Namespace) -> Counts:
    counts = Counts()
    evaluator = Evaluator()
    for one in CLASSICS:
        if options.packages and one.name not in options.packages:
            continue
        namespace: dict[str, Any] = {}
        exec(one.source, namespace)
        wanted = {call: eval(call, namespace) for call in one.calls}
        function = find(one.faulty, one.name, one.name)
        checks = [given(call, repr(wanted[call]), function, one.faulty) for call in one.calls[:3]]
        within = partial(attempt_in, evaluator, File("classic.py", Path("nowhere/classic.py"), one.faulty), None)
        repair = Repair(one.faulty, function, checks, within, seconds=options.seconds)
        _count(counts, repair, lambda text, wanted=wanted, one=one: run(text, one.calls, wanted), one.name)
    evaluator.close()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--functions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bodies", action="store_true")
    parser.add_argument("--classics", action="store_true")
    options = parser.parse_args()
    if options.classics:
        options.packages = [str(options.folder), *options.packages] if options.folder else []
        classics(options).show("classics")
    else:
        measure(options).show("bodies" if options.bodies else "faults")


if __name__ == "__main__":
    main()
