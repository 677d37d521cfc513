"""Wall time and forward passes an event: this project's decoding loop beside `transformers.generate`, same output.

    python benchmarks/decode.py [--model bundled|FOLDER] [--data cruxeval.jsonl] [--limit N] [--events N] [--json]

Every method writes the same tokens, which is asserted: `generate` and its prompt lookup run under this project's
grammar, given to them as a logits processor whose own time is not counted against them; drafts are compared with no
drafts. The time of loading the model, the same for all, is told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from cwm_lsp.predict import engines
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.grammar import Frame, Grammar
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.predict.states import State, entered
from cwm_lsp.source.functions import find

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

    def __init__(self, grammar: Grammar, state: State, start: int) -> None:
        self.seconds = 0.0
        self._grammar = grammar
        self._start = start
        self._tokens: list[int] = []
        self._trail: list[Frame] = [Frame(grammar, state)]
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
        scores = scores.new_full(scores.shape, -float("inf"))
        scores[0, chosen] = 0.0
        self.seconds += time.perf_counter() - started
        return scores

    def _choice(self, frame: Frame, scores: Any) -> int:
        forced = frame.forced() if not frame.done else ()
        if forced or frame.done:
            return forced[0] if forced else 0
        ranked = scores.sort(descending=True, stable=True).indices.tolist()
        return next(token for token in ranked if frame.copy().take(token))


def ours(engine: LocalEngine, task: Task, budget: Budget, *, drafts: bool, evaluator: bool) -> tuple[Prediction, float]:
    """The prediction by a decoder that starts anew, and its wall time in seconds."""
    fresh = LocalEngine(engine.model, engine.tokenizer, engine.name)
    started = time.perf_counter()
    foresight = Foresight(task) if evaluator else None
    control = Control(budget)
    prediction = Prediction(task, prepare(task), lambda: fresh, control, drafts=drafts, foresight=foresight)
    work = prediction.run()
    try:
        step = next(work)
        while True:
            (answer,) = fresh.forward([step])
            step = work.send(answer)
    except StopIteration:
        pass
    return prediction, time.perf_counter() - started


def generated(engine: LocalEngine, task: Task, like: Prediction, **options: Any) -> tuple[list[int], float, int]:
    """Tokens, seconds and passes of `transformers.generate`, told to write as many tokens as `like` has."""
    import torch
    from transformers import LogitsProcessorList

    assert like.writer
    prompt = prepare(task)
    tokens = like.writer.tokens
    start = len(tokens) - like.writer.written
    grammar = Grammar(engine.tokenizer, prompt.source, value_tokens=max(16, min(1024, engine.context_length // 8)))
    guide = Guide(grammar, entered(prompt.source, prompt.first), start)
    passes = 0

    def count(*_: Any) -> None:
        nonlocal passes
        passes += 1

    hook = engine.model.register_forward_hook(count)
    started = time.perf_counter()
    with torch.inference_mode():
        output = engine.model.generate(
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


def tasks_of(data: Path | None, limit: int | None) -> list[Task]:
    """The calls of a data set as CRUXEval has them, or some that come with this file."""
    if data is None:
        rows = PROGRAMS
    else:
        loaded = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
        rows = [(row["code"], f"f({row['input']})") for row in loaded]
    return [Task("", source, find(source, "f", ""), call) for source, call in rows[:limit]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default=engines.BUNDLED)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="calls")
    parser.add_argument("--events", type=int, default=12, metavar="N", help="most events of a call")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()
    folder = engines.bundled_folder() if arguments.model == engines.BUNDLED else Path(arguments.model)
    # In 64 bits the size of a pass does not change a result; all methods run the same arithmetic.
    engine = LocalEngine.load(folder, dtype="float64")
    loading = time.perf_counter() - started
    seconds: dict[str, float] = defaultdict(float)
    passes: dict[str, int] = defaultdict(int)
    events = tokens = 0
    for task in tasks_of(arguments.data, arguments.limit):
        # Within the context, so that no method has to begin anew.
        budget = Budget(events=arguments.events, tokens=engine.context_length // 4)
        methods: dict[str, tuple[list[int], float, int]] = {}
        for name, drafts, evaluator in (
            ("undrafted", False, False),
            ("drafts", True, False),
            ("evaluator", True, True),
        ):
            prediction, spent = ours(engine, task, budget, drafts=drafts, evaluator=evaluator)
            assert prediction.writer
            methods[f"ours_{name}"] = prediction.writer.tokens, spent, prediction.writer.passes
        methods["generate"] = generated(engine, task, prediction)
        methods["generate_prompt_lookup"] = generated(engine, task, prediction, prompt_lookup_num_tokens=10)
        events += max(1, len(prediction.frames) - 1)
        tokens += prediction.writer.written
        for name, (written, spent, count) in methods.items():
            assert written == prediction.writer.tokens, (name, task.call)
            seconds[name] += spent
            passes[name] += count
    result = {
        "model": arguments.model,
        "events": events,
        "tokens": tokens,
        "loading_seconds": round(loading, 3),
        "milliseconds_per_event": {name: round(1000 * spent / events, 3) for name, spent in seconds.items()},
        "passes_per_event": {name: round(count / events, 3) for name, count in passes.items()},
        "time_against_generate": {name: round(spent / seconds["generate"], 4) for name, spent in seconds.items()},
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=1)
        print()
        return
    print(f"{arguments.model}: {events} events, {tokens} tokens, loaded in {loading:.1f} s")
    for name in seconds:
        time_an_event, passes_an_event = result["milliseconds_per_event"][name], result["passes_per_event"][name]
        print(f"  {name:24} {time_an_event:9.2f} ms an event {passes_an_event:8.2f} passes an event")


if __name__ == "__main__":
    main()
