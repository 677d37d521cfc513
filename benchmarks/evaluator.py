"""How fast the evaluator is, how much it computes, and whether what it computes is contradicted by real traces.

    python benchmarks/evaluator.py [--data FOLDER] [--json]

FOLDER holds `cruxeval.jsonl` (rows with `code`, `input`, `output`); without it only the speed is measured. Recordings
are made in this process with `sys.settrace`, so the data's code is run here, and only CPython 3.11 gives the reference.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.trace.events import Event
from tests.evaluate.recording import contradictions, evaluate, record

LOOP = """
def f(n):
    out, total, name, counts = [], 0, 'abc', {}
    for i in range(n):
        total += i * 2
        if total % 3 == 0:
            out.append(i)
            if len(out) > 5:
                out.pop()
        counts[i % 4] = total
        name = name[1:] + name[0]
    return total
"""


def speed(iterations: int = 3000, runs: int = 3) -> dict[str, float]:
    """Events a second in a long loop, and milliseconds for a call of some fifty events, the setup included."""
    rates, waits = [], []
    for _ in range(runs):
        started = time.perf_counter()
        events = sum(1 for _ in Evaluation(LOOP, f"f({iterations})", "f", limits=Limits(events=10**6, seconds=60)))
        rates.append(events / (time.perf_counter() - started))
        started = time.perf_counter()
        list(Evaluation(LOOP, "f(8)", "f"))
        waits.append(1000 * (time.perf_counter() - started))
    return {"events_per_second": round(statistics.median(rates)), "short_call_ms": round(statistics.median(waits), 1)}


def accuracy(folder: Path) -> dict[str, Any]:
    """Outputs right and values computed over the rows of CRUXEval, and contradictions by real traces."""
    rows = [json.loads(line) for line in (folder / "cruxeval.jsonl").read_text().splitlines()]
    right = values = computed = wrong = complete = asked = 0
    for row in rows:
        call = f"f({row['input']})"
        evaluated = evaluate(row["code"], call, "f")
        outcome = evaluated.evaluation.outcome
        right += outcome is not None and outcome.value == repr(eval(row["output"]))
        complete += evaluated.gave_up is None and evaluated.asked_at is None
        asked += evaluated.asked_at is not None
        wrong += len(contradictions(record(row["code"], call, "f"), evaluated))
        for event in evaluated.events:
            assert isinstance(event, Event)
            values += len(event.provenance)
            computed += sum(source != "predicted" for source in event.provenance.values())
    return {
        "rows": len(rows),
        "outputs_right": right,
        "complete": complete,
        "asked": asked,
        "values": values,
        "values_known": computed,
        "contradicted_rows": wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with cruxeval.jsonl")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    found: dict[str, Any] = speed()
    if arguments.data is not None:
        found |= accuracy(arguments.data)
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>20} {value}")


if __name__ == "__main__":
    main()
