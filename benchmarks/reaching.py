"""Lines that only certain arguments reach: found by `find --line`, by a Hypothesis test and by CrossHair's check.

    python benchmarks/reaching.py [KIND ...] [--seconds N] [--examples N] [--peers PYTHON]

The functions are those of `tests/search/kinds.py` and `tests/search/objects.py` (which take objects, or have no
hints), each with one line (`# here`) that is hard to come to. `find` is
told the function and the line, and runs nothing. For the peers an exception is raised on that line: Hypothesis draws
from the type hints and runs the function, CrossHair is given the postcondition `True` and runs it symbolically.
`--peers` names an interpreter that has both; without it they are left out. All have the same time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.evaluate import Evaluator
from cwm_lsp.search.goals import find, reaches
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.workspace import File, attempt_in
from cwm_lsp.source.functions import find as function_of
from tests.search.kinds import KINDS
from tests.search.objects import OBJECTS

HYPOTHESIS = """
import sys, typing, inspect
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from kind import f
hints = typing.get_type_hints(f)
parts = {name: st.from_type(hints[name]) for name in inspect.signature(f).parameters}
@settings(max_examples=int(sys.argv[1]), deadline=None, database=None, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(parts))
def run(arguments):
    try: f(**arguments)
    except ZeroDivisionError: raise SystemExit(9)
    except Exception: pass
run()
"""


def by_find(source: str, line: int, evaluator: Evaluator, seconds: float) -> bool:
    function = function_of(source, "f", "")
    trying = partial(attempt_in(evaluator, File("kind.py", Path("nowhere/kind.py"), source)), source, "f")
    budget = Budget(calls=20_000, seconds=seconds, stale=20_000)
    return find(source, function, trying, reaches(line), budget=budget).found is not None


def by_peers(source: str, python: str, options: argparse.Namespace) -> tuple[bool, bool]:
    """Whether Hypothesis, and CrossHair, come to the line."""
    lines = source.split("\n")
    at = next(number for number, text in enumerate(lines) if text.startswith("def f("))
    lines.insert(at + 1, '    """post: True"""')
    with tempfile.TemporaryDirectory() as folder:
        raising = [text.replace(text.strip(), "1 // 0") if "# here" in text else text for text in lines]
        Path(folder, "kind.py").write_text("\n".join(raising))
        Path(folder, "drawn.py").write_text(HYPOTHESIS)
        limit = str(int(options.seconds))
        commands = (
            [python, "drawn.py", str(options.examples)],
            [python, "-m", "crosshair", "check", "kind.py", "--per_condition_timeout", limit],
        )
        found = []
        for command in commands:
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=options.seconds + 30)
            except subprocess.TimeoutExpired:
                found.append(False)
                continue
            found.append(done.returncode == 9 or "ZeroDivisionError" in done.stdout)
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--peers")
    options = parser.parse_args()
    totals = [0, 0, 0]
    chosen = {kind: text for kind, text in (KINDS | OBJECTS).items() if not options.kinds or kind in options.kinds}
    evaluator = Evaluator()
    for kind, text in chosen.items():
        source = text.lstrip("\n")
        line = next(number for number, one in enumerate(source.split("\n"), 1) if "# here" in one)
        begun = time.monotonic()
        found = [by_find(source, line, evaluator, options.seconds)]
        took = time.monotonic() - begun
        found += by_peers(source, options.peers, options) if options.peers else ()
        totals = [total + one for total, one in zip(totals, [*found, False, False], strict=False)]
        print(f"{kind:40} {'find' if found[0] else '-':5} {took:5.1f} s  {found[1:]}", flush=True)
    evaluator.close()
    print(f"of {len(chosen)}: find {totals[0]}, Hypothesis {totals[1]}, CrossHair {totals[2]}")


if __name__ == "__main__":
    main()
