"""What the evaluator says of real code: the doctests of the standard library and of installed packages.

    python benchmarks/doctests.py [MODULE ...] [--calls N] [--reasons N] [--json]

Each call of a function in its module's doctests is recorded in a process of its own with `sys.settrace`, so the
modules' code is run here (in an empty folder), and evaluated. Counted are the calls and events that are computed to
their end, and what was called computed though the recording contradicts it. CPython 3.11 gives the reference.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.source.calls import candidates
from cwm_lsp.source.functions import functions
from cwm_lsp.trace.events import Event
from tests.evaluate.recording import FILE, Evaluated, contradictions, record_in

STANDARD = (
    "_pydecimal ast base64 bisect calendar cmd collections colorsys copy csv dataclasses datetime difflib dis "
    "enum fnmatch fractions functools glob graphlib heapq html html.parser inspect ipaddress json json.decoder "
    "json.encoder keyword linecache locale mimetypes numbers operator pickletools posixpath pprint quopri random "
    "reprlib sched shlex shutil statistics string tabnanny textwrap timeit token tokenize traceback types typing "
    "unittest.mock urllib.parse uuid zipfile"
)
PACKAGES = (
    "attr._make click.formatting click.utils jinja2.filters jinja2.utils markdown_it.common.utils "
    "more_itertools.more mpmath.libmp.libintmath mpmath.identification networkx.algorithms.bipartite.basic "
    "networkx.algorithms.clique networkx.algorithms.cluster networkx.algorithms.coloring.greedy_coloring "
    "networkx.algorithms.dag networkx.algorithms.euler networkx.algorithms.graphical networkx.algorithms.isolate "
    "networkx.algorithms.richclub networkx.algorithms.tree.coding networkx.classes.function "
    "networkx.classes.graph networkx.generators.classic networkx.generators.degree_seq networkx.utils.misc "
    "networkx.utils.union_find packaging.utils packaging.version packaging.specifiers parso.utils pathspec.util "
    "pygments.util pyparsing.helpers requests.utils rich.cells rich.markup setuptools._vendor.jaraco.text "
    "sortedcontainers.sortedlist sympy.combinatorics.partitions sympy.combinatorics.permutations sympy.core.facts "
    "sympy.core.function sympy.combinatorics.graycode sympy.core.logic sympy.discrete.recurrences "
    "sympy.functions.combinatorial.numbers sympy.logic.boolalg sympy.logic.utilities.dimacs "
    "sympy.ntheory.continued_fraction sympy.ntheory.digits sympy.ntheory.ecm sympy.ntheory.egyptian_fraction "
    "sympy.ntheory.factor_ sympy.ntheory.generate sympy.ntheory.modular sympy.ntheory.multinomial "
    "sympy.ntheory.partitions_ sympy.ntheory.primetest sympy.ntheory.qs sympy.ntheory.residue_ntheory "
    "sympy.polys.densearith sympy.polys.densebasic sympy.polys.densetools sympy.polys.galoistools "
    "sympy.polys.monomials sympy.polys.sqfreetools sympy.polys.factortools sympy.polys.euclidtools "
    "sympy.polys.polyconfig sympy.printing.pretty.stringpict sympy.series.sequences sympy.sets.sets "
    "sympy.strategies.core sympy.strategies.rl sympy.strategies.tools sympy.strategies.traverse "
    "sympy.strategies.branch.core sympy.tensor.indexed sympy.tensor.array.arrayop sympy.unify.core "
    "sympy.utilities.enumerative sympy.utilities.iterables sympy.utilities.misc sympy.combinatorics.util "
    "sympy.combinatorics.generators sympy.crypto.crypto sympy.matrices.dense sympy.physics.quantum.cg termcolor "
    "tomlkit.items tqdm.utils urllib3.util.url urllib3.util.retry werkzeug.utils"
)
EVENTS = 3000
MODULE_SECONDS = 100


def calls_of(source: str, path: str, most: int) -> list[tuple[str, str]]:
    """(function, call) for the calls in the doctests of a file."""
    found = []
    for function in functions(source):
        if function.is_async or (function.parent and "." in function.parent):
            continue
        calls = [call for call in candidates(source, function, path=path) if call.origin == "doctest"]
        found += [(function.qualname, call.expression) for call in calls[:3]]
    return found[:most]


def evaluate(source: str, call: str, function: str, name: str) -> tuple[Evaluated, Question | None]:
    """An evaluation up to the first question that nothing but a model could answer, and that question."""
    evaluation = Evaluation(source, call, function, limits=Limits(events=EVENTS, seconds=5), module=name)
    events: list[Event] = []
    for step in evaluation:
        if isinstance(step, Question):
            if not step.suggestions:
                evaluation.close()
                return Evaluated(events, None, len(events), evaluation), step
            evaluation.answer(dict(step.suggestions))
        else:
            events.append(step)
    return Evaluated(events, evaluation.gave_up, None, evaluation), None


def measure(name: str, most: int) -> dict[str, Any]:
    """What becomes of the doctests of one module."""
    original = importlib.import_module(name)
    path = original.__file__
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong: list[str] = []
    if path is None or not path.endswith(".py"):
        return {"counts": counts, "reasons": reasons, "wrong": wrong}
    source = Path(path).read_text(encoding="utf-8")
    compiled = compile(source, FILE, "exec", dont_inherit=True)
    for function, call in calls_of(source, path, most):
        module = types.ModuleType(name)
        module.__package__, module.__file__, module.__spec__ = original.__package__, path, original.__spec__
        sys.modules[name] = module
        try:
            exec(compiled, module.__dict__)
            recorded = record_in(module, call, function, events=EVENTS)
        except Exception:
            continue
        finally:
            sys.modules[name] = original
        if not recorded or recorded.cut:
            continue
        try:
            evaluated, question = evaluate(source, call, function, name)
        except KeyError:
            continue
        counts["calls"] += 1
        counts["events"] += len(recorded)
        sure = [event for event in evaluated.events if "predicted" not in event.provenance.values()]
        counts["events computed"] += len(sure)
        counts["values computed"] += sum(len(event.provenance) for event in sure)
        found = contradictions(recorded, evaluated)
        if found:
            wrong.append(f"{name}: {call}: {found[0]}")
        if question is not None:
            text = source.splitlines()[question.line - 1].strip() if question.line else ""
            reasons[f"{question.kind}: {text}"] += 1
        elif evaluated.gave_up is not None:
            reasons[re.sub(r"\d[\d,]*", "N", evaluated.gave_up)] += 1
        else:
            counts["calls computed"] += 1
    counts["contradictions"] = len(wrong)
    return {"counts": counts, "reasons": reasons, "wrong": wrong}


def child(name: str, most: int) -> None:
    """Measure one module and print what was found, whatever its code prints."""
    warnings.simplefilter("ignore")
    real = os.dup(1)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        found = measure(name, most)
    os.write(real, json.dumps(found).encode())
    os._exit(0)  # whatever threads the module has started


def in_process_of_its_own(name: str, most: int) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, name, "--child", "--calls", str(most)]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=MODULE_SECONDS, check=False)
            found: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return None
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="left out: a choice of the standard library and of packages")
    parser.add_argument("--calls", type=int, default=60, help="at most so many of one module")
    parser.add_argument("--reasons", type=int, default=15, help="how many reasons for not knowing are listed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.modules[0], arguments.calls)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong: list[str] = []
    failed = []
    for name in arguments.modules or [*STANDARD.split(), *PACKAGES.split()]:
        found = in_process_of_its_own(name, arguments.calls)
        if found is None:
            failed.append(name)
            continue
        counts.update(found["counts"])
        reasons.update(found["reasons"])
        wrong += found["wrong"]
    if arguments.json:
        print(json.dumps({"counts": counts, "reasons": dict(reasons), "wrong": wrong, "not measured": failed}))
        return
    for name, value in counts.items():
        print(f"{name:>20} {value}")
    print("not measured:", " ".join(failed) or "none")
    for reason, times in reasons.most_common(arguments.reasons):
        print(f"{times:>6} {reason}")
    for text in wrong:
        print("CONTRADICTED", text)


if __name__ == "__main__":
    main()
