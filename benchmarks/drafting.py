"""Forward passes an event: plain greedy decoding, lookup in the prompt, and this project's drafts.

    python benchmarks/drafting.py --data cruxeval.jsonl mispredictions.jsonl [--limit N] [--json]

Each trace of the data is replayed through the real decoding loop with an engine whose likeliest token is always the
next token of that trace, so that acceptance is exactly that of a model which writes it. Tokens are those of Llama 3,
whose tokenizer is read from the PyPI package `llama-models`. Two kinds of rows are known:

    {"code", "input"}       a function `f` and its arguments: the trace is recorded, in this process
    {"context", "trace"}    a program with its START_OF_TRACE marker, and what a model wrote, in the wire format

`passes_per_event`: `greedy` has a pass for every token; `prompt_lookup` is transformers' algorithm with its defaults
(10 tokens, n-grams of up to 2); `ngram_best` the best of several settings; `ours_without_evaluator` and `ours` are
drafts as the product makes them, at most `draft_tokens` in one pass. Where the model itself leaves the program, as no
grammar allows, or the data ends, the rest of a row is left out (`rows_left_early`). `milliseconds_per_event` is the CPU
time of grammar, drafts and loop, evaluator included.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cwm_lsp.evaluate import Evaluator
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines.interface import Pass
from cwm_lsp.predict.engines.replay import OffScript, ReplayEngine
from cwm_lsp.predict.engines.tokenizer import SPECIAL_TOKENS, Tokenizer
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.prompt import Prompt, Task, seeded
from cwm_lsp.predict.transcript import Transcript, header
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.source.functions import find
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import Event

EVALUATOR = Evaluator()

FIRST_SPECIAL, LAST_SPECIAL = 128_000, 128_255
IDS = {
    wire.BEGIN_OF_TEXT: 128_000,
    wire.END_OF_TEXT: 128_001,
    wire.FRAME_SEP: 128_100,
    wire.ACTION_SEP: 128_101,
    wire.RETURN_SEP: 128_102,
    wire.CALL_SEP: 128_103,
    wire.LINE_SEP: 128_104,
    wire.EXCEPTION_SEP: 128_105,
    wire.ARG_SEP: 128_106,
    wire.TRACE_CONTEXT_START: 128_107,
}
SETTINGS = [(size, tokens, latest) for size in (2, 3, 5) for tokens in (20, 64) for latest in (False, True)]
_PIECES = re.compile("(" + "|".join(map(re.escape, SPECIAL_TOKENS)) + ")")


def llama3() -> Tokenizer:
    """The tokenizer of CWM: that of Llama 3 with eight of its reserved ids named."""
    import llama_models
    from transformers.convert_slow_tokenizer import TikTokenConverter

    model = Path(next(iter(llama_models.__path__))) / "llama3" / "tokenizer.model"
    names = {number: name for name, number in IDS.items()}
    converter = TikTokenConverter(str(model))
    converter.extra_special_tokens = [
        names.get(number, f"<|reserved_{number}|>") for number in range(FIRST_SPECIAL, LAST_SPECIAL + 1)
    ]
    return Tokenizer(converter.converted())


@dataclass
class Row:
    """One trace to replay."""

    task: Task
    prompt: Prompt
    tokens: list[int]
    """Program, first frame and the frames to write."""
    given: int
    """Of the tokens, those before the first frame to write."""
    frames: int
    """Frames to write."""


def row_of(data: dict[str, Any], tokenizer: Tokenizer) -> Row | None:
    """The row of a data set's line; None where there is no trace of it."""
    engine = ReplayEngine(tokenizer)
    if "trace" not in data:
        call = f"f({data['input']})"
        function = find(data["code"], "f", "")
        trace = record_in_process(data["code"], "f", call, target=("f", function.first_line))
        if trace.outcome.kind not in ("return", "exception"):
            return None
        task = Task("", data["code"], function, call)
        prompt = seeded(task, trace.events[0])
        transcript = Transcript(engine, None, prompt, trace.events)
        given = [*transcript.header, *transcript.tokens(0, 1)]
        return Row(task, prompt, [*given, *transcript.tokens(1)], len(given), len(trace.events) - 1)
    source = data["context"]
    task = Task("", source, find(source, "main", ""), "main()")
    prompt = seeded(task, Event("call", task.function.first_line, 0, "main"))
    begun = header(engine, prompt)
    pieces = [piece for piece in _PIECES.split(data["trace"]) if piece]
    frames = [
        token
        for piece in pieces
        for token in ((tokenizer.special[piece],) if piece in tokenizer.special else tokenizer.encode(piece))
    ]
    if tokenizer.special[wire.FRAME_SEP] not in frames:
        return None
    first = frames.index(tokenizer.special[wire.FRAME_SEP]) + 1
    return Row(task, prompt, begun + frames, len(begun) + first, frames.count(IDS[wire.FRAME_SEP]) - 1)


@dataclass
class Replay:
    """What a replay of one row cost."""

    events: int
    passes: int
    tokens: int
    seconds: float
    left: bool


def replay(row: Row, tokenizer: Tokenizer, draft_tokens: int, *, evaluator: bool) -> Replay:
    """The row through the real decoding loop."""
    engine = ReplayEngine(tokenizer, row.tokens, draft_tokens=draft_tokens)
    started = time.process_time()
    budget = Budget(events=100_000, tokens=10_000_000, seconds=1e9)
    foresight = Foresight(row.task, EVALUATOR) if evaluator else None
    prediction = Prediction(row.task, row.prompt, lambda: engine, Control(budget), foresight=foresight)
    left = False
    try:
        drive(prediction.run(), engine)
    except OffScript:
        left = True
    seconds = time.process_time() - started
    writer = prediction.writer
    written = len(writer.tokens) if writer else 0
    return Replay(len(prediction.frames) - 1, writer.passes if writer else 0, written, seconds, left)


def drive(work: Generator[Pass, Any, Any], engine: ReplayEngine) -> None:
    """Serve forward passes until the work is done."""
    try:
        step = next(work)
        while True:
            (answer,) = engine.forward([step])
            step = work.send(answer)
    except StopIteration:
        return


def lookup_passes(tokens: Sequence[int], start: int, size: int, drafted: int, *, latest: bool) -> int:
    """Passes to write `tokens[start:]` when each drafts what followed the first (or latest) occurrence of the last
    n-gram, n from `size` down to 1."""
    seen: dict[tuple[int, ...], int] = {}
    indexed = passes = 0
    at = start
    while at < len(tokens):
        for end in range(indexed + 1, at):  # n-grams that something follows
            for n in range(1, min(size, end) + 1):
                gram = tuple(tokens[end - n : end])
                if latest:
                    seen[gram] = end
                else:
                    seen.setdefault(gram, end)
        indexed = max(indexed, at - 1)
        grams = (tuple(tokens[at - n : at]) for n in range(min(size, at - 1), 0, -1))
        found = next((seen[gram] for gram in grams if gram in seen), None)
        passes += 1
        accepted = 0
        if found is not None:
            draft = tokens[found : min(found + drafted, at)]
            while accepted < len(draft) and at + accepted < len(tokens) and draft[accepted] == tokens[at + accepted]:
                accepted += 1
        at += accepted + 1
    return passes


@dataclass
class Totals:
    """Sums over a data set."""

    rows: int = 0
    events: int = 0
    tokens: int = 0
    left: int = 0
    passes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, row: Row, tokenizer: Tokenizer, draft_tokens: int) -> None:
        ours = replay(row, tokenizer, draft_tokens, evaluator=True)
        alone = replay(row, tokenizer, draft_tokens, evaluator=False)
        assert (ours.events, ours.tokens) == (alone.events, alone.tokens), "drafts change nothing"
        self.rows += 1
        self.left += ours.left
        if not ours.events:
            return
        tokens = row.tokens[: ours.tokens]
        self.events += ours.events
        self.tokens += len(tokens) - row.given
        self.passes["greedy"] += len(tokens) - row.given
        self.passes["prompt_lookup"] += lookup_passes(tokens, row.given, 2, 10, latest=False)
        for size, drafted, latest in SETTINGS:
            key = f"ngram {size} {drafted} {latest}"
            self.passes[key] += lookup_passes(tokens, row.given, size, drafted, latest=latest)
        for name, one in (("ours_without_evaluator", alone), ("ours", ours)):
            self.passes[name] += one.passes
            self.seconds[name] += one.seconds

    def to_json(self) -> dict[str, Any]:
        events = max(1, self.events)
        best = min(passes for name, passes in self.passes.items() if name.startswith("ngram"))
        passes = {name: count for name, count in self.passes.items() if not name.startswith("ngram")}
        return {
            "rows": self.rows,
            "events": self.events,
            "tokens": self.tokens,
            "rows_left_early": self.left,
            "passes_per_event": {
                name: round(count / events, 3) for name, count in ({"ngram_best": best} | passes).items()
            },
            "milliseconds_per_event": {
                name: round(1000 * seconds / events, 3) for name, seconds in self.seconds.items()
            },
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--limit", type=int, metavar="N", help="rows of each file")
    parser.add_argument("--draft-tokens", type=int, default=256, metavar="N", help="most drafted tokens in a pass")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tokenizer = llama3()
    results: dict[str, Any] = {}
    for path in arguments.data:
        totals = Totals()
        for line in path.read_text(encoding="utf-8").splitlines()[: arguments.limit]:
            row = row_of(json.loads(line), tokenizer)
            if row is not None:
                totals.add(row, tokenizer, arguments.draft_tokens)
        results[path.stem] = totals.to_json()
    if arguments.json:
        json.dump({"draft_tokens": arguments.draft_tokens, "data_sets": results}, sys.stdout, indent=1)
        print()
        return
    for name, result in results.items():
        print(f"{name}: {result['rows']} rows, {result['events']} events, {result['tokens']} tokens")
        for method, passes in result["passes_per_event"].items():
            print(f"  {method:24} {passes:8.2f} passes an event")
        for method, milliseconds in result["milliseconds_per_event"].items():
            print(f"  {method:24} {milliseconds:8.2f} ms of CPU an event")


if __name__ == "__main__":
    main()
