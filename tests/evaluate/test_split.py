"""The same program in one file and in several: each of its definitions in a file of its own, imports written. The
trace is the same, step by step."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.trace.events import Event
from tests import annotated

from . import class_programs, programs, wider
from .recording import clean
from .test_generated import CALLS, WIDER_CALLS

IMPORTS = (ast.Import, ast.ImportFrom)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
HEAD = 3
"""Lines that every file begins with: its imports are on the first, all else is as far down as in the one file."""


def bound(node: ast.stmt) -> set[str]:
    if isinstance(node, DEFINITIONS):
        return {node.name}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def split(source: str, function: str, call: str, files: int, seed: int) -> tuple[dict[str, str], str] | None:
    """The files of the program, and the one that has the function. Globals that functions set stay with all that reads
    them. None for what means another thing in several files: statements that do more than bind names."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    kept = [node for node in tree.body if not isinstance(node, IMPORTS)]
    heads = [ast.unparse(node) for node in tree.body if isinstance(node, IMPORTS)]
    simple = all(isinstance(node, (*DEFINITIONS, ast.Assign)) for node in kept)
    shared = {name for part in ast.walk(tree) if isinstance(part, ast.Global) for name in part.names}
    if not simple or "globals()" in source:
        return None
    names = [bound(node) for node in kept]
    if len(set().union(*names)) != sum(map(len, names)) or not any(function in one for one in names):
        return None
    uses = [{part.id for part in ast.walk(node) if isinstance(part, ast.Name)} for node in kept]
    needs = [{j for j, theirs in enumerate(names) if j != i and theirs & uses[i]} for i in range(len(kept))]
    for i, mine in enumerate(uses):
        for name in shared & (mine | names[i]):
            needs[i] |= {j for j, theirs in enumerate(uses) if j != i and name in theirs | names[j]}
    reach = [set(one) for one in needs]
    for _ in kept:
        for one in reach:
            one |= set().union(*(needs[j] for j in one))
    chosen = random.Random(seed)
    place: dict[int, int] = {}
    order = sorted(range(len(kept)), key=lambda i: (len(reach[i] - {i}), i))  # what is needed comes before
    latest = 0
    for i in order:
        together = [place[j] for j in reach[i] if i in reach[j] and j in place]
        latest = max(latest, min(chosen.randrange(files), latest + 1))
        place[i] = together[0] if together else latest
    lines = source.split("\n")
    texts: dict[int, list[str]] = {number: [""] * (HEAD + len(lines)) for number in range(latest + 1)}
    imports: dict[int, set[str]] = {number: set() for number in texts}
    for i, node in enumerate(kept):
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        texts[place[i]][HEAD + first - 1 : HEAD + (node.end_lineno or first)] = lines[first - 1 : node.end_lineno]
        imports[place[i]] |= {f"from part{place[j]} import {name}" for j in needs[i] if place[j] != place[i]
                              for name in names[j]}  # fmt: skip
    home = next(place[i] for i in range(len(kept)) if function in names[i])
    called = {part.id for part in ast.walk(ast.parse(call)) if isinstance(part, ast.Name)}
    for i, theirs in enumerate(names):
        if place[i] > home and theirs & called:
            return None  # the call is made in the function's file, which that one needs
        if place[i] != home:
            imports[home] |= {f"from part{place[i]} import {name}" for name in theirs & called}
    found = {}
    for number, text in texts.items():
        text[0] = "; ".join([*heads, *sorted(imports[number])])
        found[f"part{number}.py"] = "\n".join(text)
    return found, f"part{home}.py"


def shown(event: Event) -> tuple[object, ...]:
    def plain(text: str) -> str:
        return re.sub(r"\b(?:part\d+|__main__|one)\.|(?<=')(?:part\d+|one)(?=')", "", clean(text))

    sources = dict(event.provenance)
    texts = {name: plain(text) for name, text in event.locals.items()}
    return event.kind, event.line, event.depth, event.function, texts, plain(event.value or ""), sources


def steps(path: Path, source: str, call: str, function: str) -> tuple[list[tuple[object, ...]], str | None]:
    around = Around(str(path), workspace=str(path.parent))
    evaluation = Evaluation(source, call, function, module=path.stem, around=around)
    events: list[tuple[object, ...]] = []
    for step in evaluation:
        if isinstance(step, Question):
            return events, "asked"
        events.append(shown(step))
    return events, evaluation.gave_up


def compare(source: str, call: str, function: str, seed: int, folder: Path) -> bool:
    """Whether the program could be split; its traces are then the same."""
    parts = split(source, function, call, 2 + seed % 7, seed)
    if parts is None:
        return False
    files, home = parts
    folder.mkdir()
    whole = "\n" * HEAD + source
    (folder / "one.py").write_text(whole, encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    expected, why = steps(folder / "one.py", whole, call, function)
    got, also = steps(folder / home, files[home], call, function)
    if why is not None:  # how far it is followed may differ by what is loaded: what is told does not
        expected, got = expected[: len(got)], got[: len(expected)]
    for real, event in zip(expected, got, strict=False):
        assert event == real, (call, seed)
    assert len(got) == len(expected), (call, seed, why, also)
    return True


@pytest.mark.parametrize(
    ("make", "calls"), [(programs.program, CALLS), (wider.program, WIDER_CALLS), (class_programs.program, ("f()",))]
)
def test_generated_programs_split_at_random(make: Callable[[int], str], calls: tuple[str, ...], tmp_path: Path) -> None:
    done = [compare(make(seed), calls[0], "f", seed, tmp_path / str(seed)) for seed in range(8)]
    assert sum(done) >= 2


def test_constructs_split_at_random(tmp_path: Path) -> None:
    features = ("classes", "exceptions", "functions", "generators", "imports", "managers", "statements", "values")
    every = [one for feature in features for one in annotated.programs(feature).values() if one.known]
    done = [
        compare(one.source, one.call, one.function, number, tmp_path / str(number))
        for number, one in enumerate(every)
        if number % 5 == 0
    ]
    assert sum(done) >= len(done) // 2
