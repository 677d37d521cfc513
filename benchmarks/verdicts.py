"""Verdicts on the tests and doctests of published packages, against real runs of them.

    python benchmarks/verdicts.py FOLDER [PACKAGE ...] [--faults N] [--jobs N] [--rows FILE] [--reasons N]

FOLDER holds unpacked source distributions with their tests, one a folder; nothing is downloaded. Each is verified, then
its tests and doctests are run, so that the packages' code is run here, by the interpreter that is named (default: this
one, which must have pytest and what the packages need). Counted are the tests that were run: how many had been decided,
and how many of those wrongly.

`--faults N`: in a copy of each package, N times, one fault is seeded in its code (a comparison turned round, an
arithmetic operator or a constant changed, a condition negated). Of the tests that turn red and are decided, those
marked ✗ are counted; of those that stay green and are decided, those marked ✓.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.source.files import read_source
from cwm_lsp.verdicts.real import outcomes
from cwm_lsp.verdicts.workspace import File, Verifier, files

_NO_CODE = re.compile(r"(^|[/_])(tests?|testing|docs?|examples?|benchmarks?|setup|conftest|vendor)([/_.]|$)")
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass
class Counts:
    """Tests that were run, by what had been said of them."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0
    red_right: int = 0
    red_wrong: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    contradicted: list[str] = field(default_factory=list)

    @property
    def tests(self) -> int:
        return self.right + self.wrong + self.unknown

    def line(self, name: str) -> str:
        decided = self.right + self.wrong
        share = decided / self.tests if self.tests else 0.0
        red = self.red_right + self.red_wrong
        return f"{name:28} {self.tests:6} {share:8.1%} {self.wrong:6} {red:6} {self.red_right:6}"

    def add(self, other: Counts) -> None:
        for name in ("right", "wrong", "unknown", "red_right", "red_wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons += other.reasons
        self.contradicted += other.contradicted


def measure(folder: Path, jobs: int, python: str | None, rows: list[dict[str, str]]) -> Counts:
    """Verify a package, run its tests, and hold the one against the other."""
    found = list(files([folder], folder))
    verifier = Verifier(jobs, python=python)
    try:
        said = {
            (str(file.path), verdict.test.removeprefix(f"{verdict.path}::")): verdict
            for file, verdicts in verifier.verify(found)
            for verdict in verdicts
        }
    finally:
        verifier.close()
    counts = Counts()
    for key, (word, told) in _real(found, folder, python).items():
        verdict = said.get(key)
        if verdict is None or verdict.verdict == "unknown":
            counts.unknown += 1
            counts.reasons["no such test was found" if verdict is None else verdict.reason] += 1
        elif verdict.verdict == word:
            counts.right += 1
            counts.red_right += word == "fail"
        else:
            counts.wrong += 1
            counts.red_wrong += word == "fail"
            counts.contradicted.append(f"{key[0]}::{key[1]}: {verdict.verdict} ({verdict.reason}), but {word} ({told})")
        rows.append({"test": "::".join(key), "real": word, "said": verdict.verdict if verdict else "missing"})
    return counts


def _real(found: Sequence[File], folder: Path, python: str | None) -> dict[tuple[str, str], tuple[str, str]]:
    return dict(outcomes(found, folder, python, 60.0))


def mutations(text: str, rng: random.Random) -> Iterator[str]:
    """Texts of a file with one fault each, in an order drawn at random."""
    tree = ast.parse(text)
    numbers = [
        number for number, node in enumerate(ast.walk(tree))
        if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp | ast.If | ast.While)
        or (isinstance(node, ast.Constant) and type(node.value) in (int, bool))
    ]  # fmt: skip
    rng.shuffle(numbers)
    for number in numbers:
        tree = ast.parse(text)
        node = list(ast.walk(tree))[number]
        match node:
            case ast.Compare(ops=[first, *rest]) if type(first) in _SWAPPED:
                node.ops = [_SWAPPED[type(first)](), *rest]  # type: ignore[list-item]
            case ast.BinOp(op=op) if type(op) in _SWAPPED:
                node.op = _SWAPPED[type(op)]()  # type: ignore[assignment]
            case ast.BoolOp(op=op):
                node.op = _SWAPPED[type(op)]()  # type: ignore[assignment]
            case ast.If(test=test) | ast.While(test=test):
                node.test = ast.UnaryOp(ast.Not(), test)
            case ast.Constant(value=bool(value)):
                node.value = not value
            case ast.Constant(value=int(value)):
                node.value = value + 1
            case _:
                continue
        yield ast.unparse(ast.fix_missing_locations(tree))


def with_faults(folder: Path, number: int, jobs: int, python: str | None, rows: list[dict[str, str]]) -> Counts:
    """The same over copies of a package with one fault each."""
    rng = random.Random(folder.name)
    code = [
        path for path in sorted(folder.rglob("*.py"))
        if not _NO_CODE.search(path.relative_to(folder).as_posix()) and path.stat().st_size > 500
    ]  # fmt: skip
    counts = Counts()
    for _ in range(number if code else 0):
        path = rng.choice(code)
        try:
            text = next(mutations(read_source(path), rng), None)
        except (UserError, SyntaxError):
            continue
        if text is None:
            continue
        with tempfile.TemporaryDirectory() as around:
            copy = Path(around, folder.name)
            shutil.copytree(folder, copy)
            (copy / path.relative_to(folder)).write_text(text, encoding="utf-8")
            counts.add(measure(copy, jobs, python, rows))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--faults", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--python")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--reasons", type=int, default=10)
    options = parser.parse_args()
    folders = sorted(item for item in options.folder.absolute().iterdir() if item.is_dir())
    total, rows = Counts(), list[dict[str, str]]()
    print(f"{'package':28} {'tests':>6} {'decided':>8} {'wrong':>6} {'red':>6} {'✗':>6}")
    for folder in folders:
        if options.packages and not any(folder.name.startswith(name) for name in options.packages):
            continue
        if options.faults:
            counts = with_faults(folder, options.faults, options.jobs, options.python, rows)
        else:
            counts = measure(folder, options.jobs, options.python, rows)
        print(counts.line(folder.name), flush=True)
        total.add(counts)
    print(total.line("all"))
    for text in total.contradicted:
        print("wrong:", text)
    for reason, count in total.reasons.most_common(options.reasons):
        print(f"{count:6} × {reason}")
    if options.rows:
        options.rows.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
