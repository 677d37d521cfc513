"""The corpus of real functions: harvested, rid of copies, split into training and held-out functions."""

# ruff: noqa: SIM905 - a table reads better as words

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cwm_lsp.lab.corpus import child, disjoint

HELD_OUT = 10
"""One function in so many is held out, chosen by its text: half of them to calibrate on, half to measure on."""

PACKAGES = """
Bio boltons chempy construct dictdiffer genshi humanize inflection jinja2 labmath more_itertools mpmath music21 natsort
networkx packaging pydash pygments pyparsing pyrsistent pyteomics rdflib sympy.combinatorics sympy.core.function
sympy.core.numbers sympy.crypto sympy.discrete sympy.functions.combinatorial sympy.logic sympy.matrices sympy.ntheory
sympy.polys.densebasic sympy.polys.monomials sympy.sets sympy.utilities tabulate tomlkit toolz voluptuous wcwidth
webcolors werkzeug whoosh
""".split()
"""Importable names, of which doctests are harvested; all under permissive licences (MIT, BSD, Apache, Biopython's)."""

WATCHED = """
test Bio anytree arrow babel boltons chempy construct dateutil dictdiffer django.utils docutils genshi glom html5lib
humanfriendly humanize inflection jinja2 jsonpatch jsonpointer labmath more_itertools music21 natsort networkx nltk
packaging parse parso petl phonenumbers pydash pygments pygtrie pyparsing pyrsistent python_utils rdflib rfc3986 sphinx
sympy sympy.ntheory sympy.polys sympy.utilities tabulate textblob tomlkit toolz ubelt uncertainties validators
voluptuous wcwidth webcolors werkzeug whoosh
""".split()
"""Importable names, in whose tests and doctests calls are watched, under such licences too; `test`: CPython's own."""


def collect(
    packages: Path,
    names: Sequence[str],
    folder: Path,
    against: Sequence[Path],
    seconds: float,
    watched: Sequence[str] = (),
) -> dict[str, int]:
    """Harvest what is not yet in `folder`/parts, then write there real.jsonl, calibration.jsonl, and what is held out.

    The doctests of `names` are run, and the calls that are seen in tests and doctests of `watched`. `packages` is where
    third-party packages are installed; `against` are files of programs to measure on. Gives counts.
    """
    rows = [row for name in names for row in part(packages, name, folder / "parts" / "doctests", seconds)]
    of_doctests = {row["text"] for row in rows}
    rows += [row for name in watched for row in part(packages, name, folder / "parts" / "seen", seconds)]
    rows = list({row["text"]: row for row in rows}.values())
    measured = disjoint.Index(program for path in against for program in disjoint.measured(path))
    programs = {text: disjoint.program_of(text) for text in (row["text"] for row in rows)}
    clean = [row for row in rows if not measured.copied(programs[row["text"]])]
    held_out = [row for row in clean if int(row["function"], 16) % HELD_OUT == 0]
    unseen = disjoint.Index({programs[row["text"]] for row in held_out})
    known: dict[str, bool] = {}
    training = []
    for row in clean:
        program = programs[row["text"]]
        if program not in known:
            known[program] = unseen.copied(program)
        if not known[program]:
            training.append(row)
    write(folder / "real.jsonl", training)
    calibration = [row for row in held_out if int(row["function"], 16) // HELD_OUT % 2]
    held_out = [row for row in held_out if row not in calibration]
    write(folder / "calibration.jsonl", calibration)
    write(folder / "held-out.jsonl", [row for row in held_out if row["text"] in of_doctests])
    write(folder / "held-out-seen.jsonl", [row for row in held_out if row["text"] not in of_doctests])
    return {
        "documents": len(rows),
        "overlapping": len(rows) - len(clean),
        "training": len(training),
        "training functions": len({row["function"] for row in training}),
        "calibration": len(calibration),
        "held-out": len(held_out),
        "held-out functions": len({row["function"] for row in held_out}),
    }


def part(packages: Path, name: str, folder: Path, seconds: float) -> list[dict[str, Any]]:
    """What was harvested from a package, now or before; the name of `folder` tells how."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{name}.jsonl"
    if not kept.exists():
        fresh = kept.with_suffix(".part")
        child.run_child(packages, name, fresh, seconds, folder.name)
        fresh.replace(kept)
    return read(kept)


def read(path: Path) -> list[dict[str, Any]]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:  # the last line of a child that was ended
            break
    return rows


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
