"""Wall time and forward passes an event: this project's decoding loop beside `transformers.generate`, same output.

    python benchmarks/decode.py [--model bundled|FOLDER] [--data cruxeval.jsonl] [--limit N] [--events N] [--json]

Ours is what a user gets: the engine that `--model` loads, `--assist off` and `draft`. `generate` is what anyone would
call: 32 bits, key-value cache, greedy or with prompt lookup. All run in one process, call by call in turn, on one
thread. It is asserted that all write the same tokens: `generate` runs under this project's grammar, given to it as a
logits processor whose own time is not counted; where two tokens are equally likely to the last bits of a 32-bit number,
it is given ours.

Then two fresh processes do the same calls, one with ours and one with `generate` (unguided, as many tokens), from their
start to their end: what loading the libraries and the model costs is in that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from cwm_lsp.evaluate import Evaluator
from cwm_lsp.predict import engines
from cwm_lsp.predict.batch import drive
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines.interface import Engine
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.grammar import Frame
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.predict.states import State, entered
from cwm_lsp.predict.transcript import grammar_of
from cwm_lsp.source.functions import find

EVALUATOR = Evaluator()

ROUNDING = 1e-3
"""Difference of two log-probabilities that 32-bit arithmetic may make."""

PROGRAMS = [
    ("def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n", "f(4)"),
    (
        "def f(words):\n    short = []\n    for word in words:\n        if len(word) < 4:\n"
        "            short.append(word)\n    return short\n",
        "f(['one', 'three', 'two'])",
    ),
    (
        "def f(text):\n    seen = {}\n    for letter in text:\n        seen[letter] = seen.get(letter, 0) + 1\n"
        "    return seen\n",
        "f('abca')",
    ),
    ("def f(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n", "f(12, 18)"),
    (
        "def f(xs):\n    xs = sorted(xs)\n    middle = len(xs) // 2\n    if len(xs) % 2:\n        return xs[middle]\n"
        "    return (xs[middle - 1] + xs[middle]) / 2\n",
        "f([3, 1, 2])",
    ),
]


class Guide:
    """The grammar as a logits processor: only the token that it makes of the scores is left."""

    def __init__(self, engine: Engine, source: str, state: State, expected: list[int], start: int) -> None:
        self.seconds = 0.0
        self._grammar = grammar_of(engine, source)
        self._start = start
        self._expected = expected
        self._tokens: list[int] = []
        self._trail: list[Frame] = [Frame(self._grammar, state)]
        """The frame before each of the tokens, and after the last."""

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        started = time.perf_counter()
        tokens = input_ids[0, self._start :].tolist()
        while self._tokens != tokens[: len(self._tokens)]:
            self._tokens.pop()
            self._trail.pop()
        for token in tokens[len(self._tokens) :]:
            frame = self._trail[-1].copy()
            frame.take(token)
            if frame.done:
                state = frame.after(frame.event())
                frame = Frame(self._grammar, state) if not state.over else frame
            self._trail.append(frame)
            self._tokens.append(token)
        chosen = self._choice(self._trail[-1], scores[0])
        at = input_ids.shape[1]
        if tokens == self._expected[self._start : at] and at < len(self._expected):
            expected = self._expected[at]
            assert scores[0, chosen] - scores[0, expected] < ROUNDING, (chosen, expected)
            chosen = expected
        scores = scores.new_full(scores.shape, -float("inf"))
        scores[0, chosen] = 0.0
        self.seconds += time.perf_counter() - started
        return scores

    def _choice(self, frame: Frame, scores: Any) -> int:
        forced = frame.forced() if not frame.done else ()
        if forced or frame.done:
            return forced[0] if forced else 0
        ranked: list[int] = scores.sort(descending=True, stable=True).indices.tolist()
        return next(token for token in ranked if frame.copy().take(token))


def ours(engine: Engine, task: Task, budget: Budget, *, drafts: bool, evaluator: bool) -> tuple[Prediction, float]:
    """The prediction, and its wall time in seconds."""
    started = time.perf_counter()
    foresight = Foresight(task, EVALUATOR) if evaluator else None
    prediction = Prediction(task, prepare(task), lambda: engine, Control(budget), drafts=drafts, foresight=foresight)
    drive(lambda: engine, [prediction.run()])
    return prediction, time.perf_counter() - started


def generated(model: Any, engine: Engine, task: Task, like: Prediction, **options: Any) -> tuple[list[int], float, int]:
    """Tokens, seconds and passes of `transformers.generate`, told to write as many tokens as `like` has."""
    import torch
    from transformers import LogitsProcessorList

    assert like.writer
    prompt = prepare(task)
    tokens = like.writer.tokens
    start = len(tokens) - like.writer.written
    guide = Guide(engine, prompt.source, entered(prompt.source, prompt.first), tokens, start)
    passes = 0

    def count(*_: Any) -> None:
        nonlocal passes
        passes += 1

    hook = model.register_forward_hook(count)
    started = time.perf_counter()
    with torch.inference_mode():
        output = model.generate(
            torch.tensor([tokens[:start]]),
            attention_mask=torch.ones(1, start, dtype=torch.long),
            max_new_tokens=len(tokens) - start,
            do_sample=False,
            eos_token_id=[],
            logits_processor=LogitsProcessorList([guide]),
            **options,
        )
    seconds = time.perf_counter() - started - guide.seconds
    hook.remove()
    return output[0].tolist(), seconds, passes


def load_model(folder: Path) -> Any:
    """A model as transformers loads it, in 32 bits."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    model: Any = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    return model.eval()


def tasks_of(data: Path | None, limit: int | None) -> list[Task]:
    """The calls of a data set as CRUXEval has them, or some that come with this file."""
    if data is None:
        rows = PROGRAMS
    else:
        loaded = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
        rows = [(row["code"], f"f({row['input']})") for row in loaded]
    return [Task("", source, find(source, "f", ""), call) for source, call in rows[:limit]]


def process(what: str, model: str, work: list[dict[str, Any]]) -> float:
    """Wall time of a process that does some work from its start to its end, in seconds."""
    command = [sys.executable, __file__, "--model", model, "--alone", what]
    started = time.perf_counter()
    subprocess.run(command, input=json.dumps(work), text=True, check=True)
    return time.perf_counter() - started


def alone(what: str, model: str) -> None:
    """The work of such a process."""
    work = json.load(sys.stdin)
    if what == "ours":
        from cwm_lsp.predict.predictor import Predictor

        predictor = Predictor.load(model)
        for one in work:
            task = Task("", one["source"], find(one["source"], "f", ""), one["call"])
            predictor.predict(task, assist="off", budget=Budget(**one["budget"]))
        return
    import torch

    loaded = load_model(folder_of(model))
    for one in work:
        ids = torch.tensor([one["prompt"]])
        with torch.inference_mode():
            loaded.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=one["new"],
                do_sample=False,
                eos_token_id=[],
            )


def folder_of(model: str) -> Path:
    return engines.bundled_folder() if model == engines.BUNDLED else Path(model)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default=engines.BUNDLED, metavar="bundled|FOLDER")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="calls")
    parser.add_argument("--events", type=int, default=12, metavar="N", help="most events of a call")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", choices=["ours", "generate"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        alone(arguments.alone, arguments.model)
        return
    model = load_model(folder_of(arguments.model))
    engine = engines.load(engines.Options(arguments.model))
    vars(engine)["remember"] = lambda prefix: None  # no method profits from what another has read
    seconds: dict[str, float] = defaultdict(float)
    passes: dict[str, int] = defaultdict(int)
    work: list[dict[str, Any]] = []
    events = tokens = rounded = 0
    for number, task in enumerate([*tasks_of(None, 1), *tasks_of(arguments.data, arguments.limit)]):
        # Within the context, so that no method has to begin anew.
        budget = Budget(events=arguments.events, tokens=engine.context_length // 4)
        methods: dict[str, tuple[list[int], float, int]] = {}
        for name, drafts, evaluator in (
            ("ours_undrafted", False, False),
            ("ours_assist_draft", True, True),
            ("ours_assist_off", True, False),
        ):
            prediction, spent = ours(engine, task, budget, drafts=drafts, evaluator=evaluator)
            assert prediction.writer
            methods[name] = prediction.writer.tokens, spent, prediction.writer.passes
        methods["generate"] = generated(model, engine, task, prediction)
        methods["generate_prompt_lookup"] = generated(model, engine, task, prediction, prompt_lookup_num_tokens=10)
        assert prediction.writer
        text, written = prediction.writer.tokens, prediction.writer.written
        if any(same != text for name, (same, _, _) in methods.items() if name.startswith("ours")):
            rounded += 1  # two tokens changed places in a pass of another size
            continue
        for name, (same, _, _) in methods.items():
            assert same == text, (name, task.call)
        if number == 0:
            continue  # everything has been run once now
        events += max(1, len(prediction.frames) - 1)
        tokens += written
        for name, (_, spent, count) in methods.items():
            seconds[name] += spent
            passes[name] += count
        limits = {"events": budget.events, "tokens": budget.tokens}
        prompt = text[: len(text) - written]
        work.append({"source": task.source, "call": task.call, "budget": limits, "prompt": prompt, "new": written})
    whole = {what: process(what, arguments.model, work) for what in ("ours", "generate")}
    result = {
        "model": arguments.model,
        "calls": len(work),
        "calls_left_out_for_rounding": rounded,
        "events": events,
        "tokens": tokens,
        "milliseconds_per_event": {name: round(1000 * spent / events, 3) for name, spent in seconds.items()},
        "passes_per_event": {name: round(count / events, 3) for name, count in passes.items()},
        "time_against_generate": {name: round(spent / seconds["generate"], 4) for name, spent in seconds.items()},
        "whole_process": {
            "milliseconds_per_event": {what: round(1000 * spent / events, 3) for what, spent in whole.items()},
            "time_against_generate": round(whole["ours"] / whole["generate"], 4),
        },
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=1)
        print()
        return
    print(f"{arguments.model}: {len(work)} calls, {events} events, {tokens} tokens")
    for name, spent in seconds.items():
        print(
            f"  {name:24} {1000 * spent / events:9.2f} ms an event {passes[name] / events:8.2f} passes an event "
            f"{spent / seconds['generate']:8.3f} of generate"
        )
    for what, spent in whole.items():
        print(f"  {'whole process, ' + what:24} {1000 * spent / events:9.2f} ms an event")
    print(f"  {'':24} {whole['ours'] / whole['generate']:9.3f} of generate")


if __name__ == "__main__":
    main()
