"""Whether another call's finished trace, put before the program in the prompt, helps a model with a call.

Usage: python benchmarks/context.py CRUXEVAL.jsonl [--model MODEL] [--rows 200]

Of each row's call a neighbour is made, by changing its literals a little; where both are computed as wholes and fit the
model's context together, the model reads the trace of the row's call with and without the neighbour's before it. Told:
bits for each event's kind and line, bits for each value that an event shows for the first time, and the share of events
as the model expected them.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.predict import transcript
from cwm_lsp.predict.engines.interface import Engine
from cwm_lsp.predict.predictor import Predictor, Task
from cwm_lsp.predict.prompt import Prompt, seeded
from cwm_lsp.predict.score import STEP
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import Event, Outcome, Trace


def neighbour(call: str) -> str:
    """The call with each of its literals changed a little."""
    tree = ast.parse(call, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            node.value += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = node.value[1:] + node.value[:1]
    return ast.unparse(tree)


def computed(source: str, call: str) -> Trace | None:
    """The trace of a call that is computed as a whole."""
    try:
        evaluation = Evaluation(source, call, "f", limits=Limits(events=200, seconds=5))
    except (SyntaxError, UserError):
        return None
    events: list[Event] = []
    for step in evaluation:
        if not isinstance(step, Event):
            evaluation.close()
            return None
        events.append(step)
    whole = evaluation.outcome is not None and events
    return (
        Trace("f", call, "f.py", "recorded", source, tuple(events), evaluation.outcome or Outcome("error"))
        if whole
        else None
    )


def tokens_of(engine: Engine, trace: Trace) -> list[int]:
    """A finished trace with its program, as the model reads it."""
    prompt = seeded(Task(trace.path, trace.source, find(trace.source, "f", "f.py"), trace.call), trace.events[0])
    text: Any = transcript.Transcript(engine, None, prompt, trace.events)  # type: ignore[arg-type]
    return [*text.header, *text.tokens(0)]


@contextmanager
def after(earlier: list[int]) -> Iterator[None]:
    """Prompts begin with these tokens."""
    header = transcript.header

    def longer(engine: Engine, prompt: Prompt) -> list[int]:
        return [*earlier, *header(engine, prompt)]

    transcript.header = longer
    try:
        yield
    finally:
        transcript.header = header


def count(predictor: Predictor, trace: Trace, found: Counter[str], bits: Counter[str]) -> None:
    for one in predictor.read(trace, expecting=0).surprises:
        event, before = trace.events[one.event_index], trace.events[one.event_index - 1]
        found["events"] += 1
        bits["step"] += one.parts.get(STEP, 0.0)
        for name, its in one.parts.items():
            if name != STEP and event.locals.get(name) != before.locals.get(name, ""):
                found["values"] += 1
                found["likely values"] += its < 1
                bits["value"] += its


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args()
    predictor = Predictor.load(options.model)
    rows = [json.loads(line) for line in options.data.read_text(encoding="utf-8").splitlines() if line.strip()]
    random.Random(1).shuffle(rows)
    counts = {"without": (Counter[str](), Counter[str]()), "with": (Counter[str](), Counter[str]())}
    done = 0
    for row in rows:
        if done == options.rows:
            break
        call = f"f({row['input']})"
        trace, other = computed(row["code"], call), computed(row["code"], neighbour(call))
        if trace is None or other is None or len(trace.events) < 3 or neighbour(call) == call:
            continue
        earlier, own = tokens_of(predictor.engine, other), tokens_of(predictor.engine, trace)
        if len(earlier) + len(own) > predictor.engine.context_length:
            continue
        done += 1
        count(predictor, trace, *counts["without"])
        with after(earlier):
            count(predictor, trace, *counts["with"])
    print(f"{done} calls")
    for name, (found, bits) in counts.items():
        events, values = max(1, found["events"]), max(1, found["values"])
        print(f"{name:8} a neighbour's trace: {bits['step'] / events:.3f} bits for each of {events:,} steps, "
              f"{bits['value'] / values:.2f} for each of {values:,} new values, "
              f"{found['likely values'] / values:.1%} of which were more likely than not")  # fmt: skip


if __name__ == "__main__":
    main()
