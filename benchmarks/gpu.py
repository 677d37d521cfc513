"""What this GPU makes of a model of CWM-32B's shape, against the plan for it and against what the GPU could do.

    python benchmarks/gpu.py [--small] [--device cuda] [--methods bf16 int8 nf4] [--seconds 500] [--json FILE]

Nothing is downloaded and nothing is written to disk: the weights are random numbers, made on the device. `--small` does
the same with a tiny model in some seconds, on a processor if there is nothing else.

- *memory*: bytes of weights, keys and values, and what the device gave away at most, against the plan
- *passes*: by their tokens and by the tokens before them, which are made up. The limit is the larger of two times:
  bytes of weights, keys and values over the bandwidth that copying reaches here, operations over the rate that a large
  product of 16-bit matrices reaches here
- *events*: the real decoding loop over recorded traces. All passes are made, but the tokens are those of the trace: so
  drafts are as often right as they are for a model that predicts rightly. `at once`: four calls in step
- *reading*: a recorded trace for its surprises, in tokens a second

A method that does not fit is told with the plan's words. Ends in `--seconds`: what there is no time for is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.batch import drive
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, bundled_folder, loading, plan, timing
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.replay import ReplayEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.prompt import Task, seeded
from cwm_lsp.predict.score import Scorer
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.source.functions import find

METHODS = {"bf16": plan.UNQUANTISED, "int8": "int8", "nf4": "nf4"}
TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
PASTS = (1, 1024, 8192, 32_256, 130_560)
SMALL = {
    "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 8192, "sliding_window": 256,
    "layer_types": ["full_attention", "sliding_attention"],
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}, "bos_token_id": 0, "eos_token_id": 1,
    "pad_token_id": 1,
}  # fmt: skip
PROGRAM = """\
def f(words, least):
    counts = {}
    for word in words:
        key = word.strip().lower()
        if len(key) < least:
            continue
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    result = []
    for key, number in ranked:
        result.append(f"{key}: {number}")
    return result
"""
CALLS = [
    f"f({[''.join(random.Random(n * 20 + k).choices('abAB ', k=4)) for k in range(6)]!r}, {1 + n % 2})"
    for n in range(4)
]


class Device:
    """Where it runs: its clock, its memory and what it could do."""

    def __init__(self, kind: str) -> None:
        import torch

        self.torch = torch
        self.kind = kind
        self.gpu: Any = getattr(torch, kind) if kind in ("cuda", "xpu", "mps") else None

    def wait(self) -> None:
        if self.gpu is not None:
            self.gpu.synchronize()

    def seconds(self, work: Callable[[], object], times: int = 5) -> float:
        """The median of some runs, after one that is not counted."""
        spent = []
        for _ in range(times + 1):
            self.wait()
            begun = time.perf_counter()
            work()
            self.wait()
            spent.append(time.perf_counter() - begun)
        return statistics.median(spent[1:])

    def taken(self) -> float | None:
        """Bytes that the device has given away at most since `fresh`, where it tells."""
        return float(self.gpu.max_memory_reserved()) if self.kind in ("cuda", "xpu") else None

    def fresh(self) -> None:
        import gc

        gc.collect()
        if self.kind in ("cuda", "xpu"):
            self.gpu.empty_cache()
            self.gpu.reset_peak_memory_stats()

    def limits(self, size: int) -> tuple[float, float]:
        """Bytes a second of copying, operations a second of a product of 16-bit matrices of `size` rows."""
        torch = self.torch
        numbers = torch.zeros(4 * size * size, dtype=torch.bfloat16, device=self.kind)
        other = torch.empty_like(numbers)
        bandwidth = 2 * numbers.nbytes / self.seconds(lambda: other.copy_(numbers))
        matrix = torch.zeros(size, size, dtype=torch.bfloat16, device=self.kind)
        return bandwidth, 2 * size**3 / self.seconds(lambda: matrix @ matrix)


def make_model(config: Any, method: str, device: str) -> Any:
    """A model of random weights, made where it is to be, matrix by matrix."""
    import torch

    with torch.device("meta"):
        model = loading.quiet().AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    for module in [*model.modules()]:
        for name, child in [*module.named_children()]:
            if isinstance(child, torch.nn.Linear) and child is not model.lm_head and method != "bf16":
                setattr(module, name, _quantised(child, method, device))
    for module in model.modules():
        for name, weight in [*module.named_parameters(recurse=False)]:
            if weight.is_meta:
                made = torch.empty(weight.shape, dtype=weight.dtype, device=device)
                made.fill_(1.0) if weight.ndim == 1 else made.normal_(std=0.02)
                setattr(module, name, torch.nn.Parameter(made, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(device)
    return model.eval()


def _quantised(linear: Any, method: str, device: str) -> Any:
    import bitsandbytes
    import torch

    weight = torch.empty(linear.weight.shape, dtype=torch.bfloat16, device=device).normal_(std=0.02)
    size = linear.in_features, linear.out_features
    if method == "int8":
        made = bitsandbytes.nn.Linear8bitLt(*size, bias=False, has_fp16_weights=False, threshold=6.0, device="meta")
        made.weight = bitsandbytes.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        made = bitsandbytes.nn.Linear4bit(
            *size, bias=False, compute_dtype=torch.bfloat16, compress_statistics=True, quant_type="nf4", device="meta"
        )
        made.weight = bitsandbytes.nn.Params4bit(
            weight, requires_grad=False, quant_type="nf4", compress_statistics=True
        )
    return made.to(device)


def weight_bytes(model: Any) -> int:
    """Of all weights, with what their quantisation needs."""
    held = 0
    for weight in model.parameters():
        held += weight.nbytes
        scales = getattr(weight, "SCB", None)
        held += scales.nbytes if scales is not None else 0
        state = getattr(weight, "quant_state", None)
        if state is not None:
            held += state.absmax.nbytes + (state.state2.absmax.nbytes if state.nested else 0)
    return held


def made_up(engine: LocalEngine, past: int) -> Prefix:
    """A text of so many tokens that nobody has read: their keys and values are what the memory holds."""
    state, at = None, 0
    while at < past:
        more = min(engine.pass_tokens, past - at)
        state, at = engine._store.extended(state, more), at + more
    return Prefix((0,) * past, state)


def passes(
    engine: LocalEngine,
    device: Device,
    shape: plan.Shape,
    limits: tuple[float, float],
    sizes: Sequence[int],
    end: float,
) -> Iterator[dict[str, Any]]:
    """The time of passes by tokens and past, and the limit of each."""
    weights = weight_bytes(engine.model) - engine.model.get_input_embeddings().weight.nbytes
    for buffer in (*engine._buffers.keys, *engine._buffers.values):
        buffer.zero_()
    for past in (past for past in PASTS if past + sizes[-1] <= engine.context_length):
        prefix = made_up(engine, past)
        for tokens in sizes:
            if time.perf_counter() > end and past != PASTS[0]:
                return
            step = Pass(prefix, [0] * tokens, tokens)
            seconds = device.seconds(lambda step=step: engine.forward([step]), times=3 if device.gpu else 1)
            seen = past * shape.full + min(past, shape.window or past) * shape.sliding
            moved, operations = weights + 2 * seen, 2 * shape.parameters * tokens
            limit = max(moved / limits[0], operations / limits[1])
            yield {
                "past": past, "tokens": tokens, "seconds": seconds, "limit_seconds": limit, "share": limit / seconds,
                "by": "bandwidth" if moved / limits[0] > operations / limits[1] else "arithmetic",
            }  # fmt: skip


class Forced(Engine):
    """All passes are those of an engine, and what they say is what some texts say."""

    def __init__(self, engine: LocalEngine, tokenizer: Tokenizer, scripts: Sequence[Sequence[int]]) -> None:
        self.engine = engine
        self.name, self.description, self.tokenizer = engine.name, "forced", tokenizer
        self.context_length, self.pass_tokens = engine.context_length, engine.pass_tokens
        self.draft_tokens, self.pass_times = engine.draft_tokens, engine.pass_times
        self._scripts = [tuple(script) for script in scripts]

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        results = []
        for step, (prefix, _) in zip(batch, self.engine.forward(batch), strict=True):
            known = prefix.tokens[: len(prefix) - step.keep + 1]
            script = next((one for one in self._scripts if one[: len(known)] == known), ())
            replay = ReplayEngine(self.tokenizer, script)
            ((_, said),) = replay.forward([Pass(Prefix(step.prefix.tokens), step.tokens, step.keep)])
            results.append((prefix, said))
        return results

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        return self.engine.cut(prefix, length)

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        return self.engine.longest_prefix(tokens)

    def remember(self, prefix: Prefix) -> None:
        self.engine.remember(prefix)


def vocabulary(size: int) -> Tokenizer:
    """That of Llama 3, where its package is here and the model has room for it; else that of the bundled model."""
    if size >= 128_256:
        try:
            from drafting import llama3

            return llama3()
        except ImportError:
            pass
    return Tokenizer.from_file(bundled_folder() / "tokenizer.json")


def events(engine: LocalEngine, most: int, seconds: float) -> dict[str, Any]:
    """The decoding loop and the reading of recorded traces."""
    tokenizer = vocabulary(engine.model.config.vocab_size)
    function = find(PROGRAM, "f", "")
    traces = [record_in_process(PROGRAM, "f", call, target=("f", function.first_line)) for call in CALLS]
    replay = ReplayEngine(tokenizer)
    replay.context_length = engine.context_length
    tasks, prompts, scripts = [], [], []
    for call, trace in zip(CALLS, traces, strict=True):
        task = Task("", PROGRAM, function, call)
        prompt = seeded(task, trace.events[0])
        transcript = Transcript(replay, None, prompt, trace.events)  # type: ignore[arg-type]
        tasks.append(task)
        prompts.append(prompt)
        scripts.append([*transcript.header, *transcript.tokens(0)])

    def predict(numbers: Sequence[int]) -> dict[str, float]:
        forced = Forced(engine, tokenizer, [scripts[n] for n in numbers])
        budget = Budget(events=most, tokens=10**7, seconds=seconds / 4)
        begun = time.perf_counter()
        made = [Prediction(tasks[n], prompts[n], lambda: forced, Control(budget)) for n in numbers]
        drive(lambda: forced, [one.run() for one in made])
        spent = time.perf_counter() - begun
        count = sum(len(one.events) for one in made)
        written = sum(one.writer.passes for one in made if one.writer)
        return {"events": count, "events_per_second": count / spent, "passes_per_event": written / count}

    predict([3])  # what is done once is not timed
    found: dict[str, Any] = {"one": predict([0]), "four_at_once": predict([0, 1, 2, 3])}
    trace = replace(traces[1], path="")
    forced = Forced(engine, tokenizer, [scripts[1]])
    begun = time.perf_counter()
    (reading,) = drive(lambda: forced, [Scorer(forced, trace, expecting=0, seconds=seconds / 4).run()])
    found["reading"] = {"tokens": reading.tokens, "tokens_per_second": reading.tokens / (time.perf_counter() - begun)}
    return found


def measure(
    config: Any, method: str, device: Device, limits: tuple[float, float], sizes: Sequence[int], seconds: float
) -> dict[str, Any]:
    """One way of holding the model."""
    shape = loading.shape_of(config)
    machine = replace(loading.machine_of(Options("random", device=device.kind), shape), number=2.0)
    held = plan.fitting(shape, machine, METHODS[method], plan.LEAST)
    if held is None:
        try:
            plan.plan(shape, machine, METHODS[method], ["int8", "nf4"])
        except UnavailableError as error:
            return {"method": method, "refused": str(error)}
        return {"method": method, "refused": "it fits with layers in main memory only"}
    begun = time.perf_counter()
    device.fresh()
    model = make_model(config, method, device.kind)
    device.wait()
    loaded = time.perf_counter() - begun
    engine = LocalEngine(model, vocabulary(config.vocab_size), "random", held)
    result: dict[str, Any] = {"method": method, "loading_seconds": loaded, "context": held.context}
    engine.pass_times = timing.measure(engine)
    result["draft_table"] = engine.pass_times.measured
    result["passes"] = list(passes(engine, device, shape, limits, sizes, begun + 0.6 * seconds))
    result["memory"] = {
        "weights": weight_bytes(model), "weights_planned": held.weights,
        "key_values": engine.key_value_bytes, "key_values_planned": held.key_values,
        "taken_at_most": device.taken(), "planned": held.needed,
    }  # fmt: skip
    if time.perf_counter() < begun + 0.8 * seconds:
        most = 12 if config.num_hidden_layers == SMALL["num_hidden_layers"] else 10_000
        result["decoding"] = events(engine, most, begun + seconds - time.perf_counter())
    return result


def table(report: dict[str, Any]) -> str:
    """In Markdown."""
    lines = [
        f"{report['device']}: {report['bandwidth'] / 1e9:,.0f} GB/s copied, {report['arithmetic'] / 1e12:,.2f} TFLOP/s"
        f"; {', '.join(report['versions'])}; {report['seconds']:.0f} s in all",
        "",
        "| | " + " | ".join(one["method"] for one in report["methods"]) + " |",
        "|---" * (1 + len(report["methods"])) + "|",
    ]

    def row(name: str, told: Callable[[dict[str, Any]], str]) -> None:
        cells = []
        for one in report["methods"]:
            try:
                cells.append("refused" if "refused" in one else told(one))
            except (KeyError, StopIteration, TypeError):
                cells.append("–")
        lines.append(f"| {name} | {' | '.join(cells)} |")

    def against(measured: float, planned: float) -> str:
        return f"{measured / 1e9:.3f} of {planned / 1e9:.3f} ({100 * (measured / planned - 1):+.1f} %)"

    row("made in, s", lambda one: f"{one['loading_seconds']:.1f}")
    row("context planned, tokens", lambda one: f"{one['context']:,}")
    row("weights, GB", lambda one: against(one["memory"]["weights"], one["memory"]["weights_planned"]))
    row("keys and values, GB", lambda one: against(one["memory"]["key_values"], one["memory"]["key_values_planned"]))
    row("taken at most, GB", lambda one: against(one["memory"]["taken_at_most"], one["memory"]["planned"]))
    for past, tokens in dict.fromkeys(
        (p["past"], p["tokens"]) for one in report["methods"] for p in one.get("passes", ())
    ):

        def told(one: dict[str, Any], past: int = past, tokens: int = tokens) -> str:
            found = next(p for p in one["passes"] if (p["past"], p["tokens"]) == (past, tokens))
            return f"{1000 * found['seconds']:.1f} ({100 * found['share']:.0f} % of the limit by {found['by']})"

        row(f"a pass of {tokens} after {past:,}, ms", told)
    row("events a second", lambda one: f"{one['decoding']['one']['events_per_second']:.1f}")
    row("passes an event", lambda one: f"{one['decoding']['one']['passes_per_event']:.2f}")
    row("events a second, four at once", lambda one: f"{one['decoding']['four_at_once']['events_per_second']:.1f}")
    row("reading, tokens a second", lambda one: f"{one['decoding']['reading']['tokens_per_second']:,.0f}")
    refused = [f"\n{one['method']}: {one['refused']}" for one in report["methods"] if "refused" in one]
    return "\n".join([*lines, *refused])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="a tiny model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seconds", type=float, default=500.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    arguments = parser.parse_args()
    import torch
    from transformers import CwmConfig

    begun = time.perf_counter()
    logging.getLogger("bitsandbytes.autograd").setLevel(logging.ERROR)  # it says in every pass that it converts
    sizes = TOKENS[:7:3] if arguments.small else TOKENS
    config = CwmConfig(**(SMALL if arguments.small else {}))  # the defaults are those of CWM-32B
    machine = loading.machine_of(Options("random", device=arguments.device), loading.shape_of(config))
    if machine.device == "cpu" and not arguments.small:
        sys.exit("no GPU that torch can use: with --small the same is done with a tiny model")
    device = Device(machine.device)
    with torch.inference_mode():
        limits = device.limits(256 if arguments.small else 8192)
        report: dict[str, Any] = {
            "device": loading.device_name(torch.device(device.kind)), "small": arguments.small,
            "versions": loading.versions(), "bandwidth": limits[0], "arithmetic": limits[1], "methods": [],
        }  # fmt: skip
        for number, method in enumerate(arguments.methods):
            left = arguments.seconds - (time.perf_counter() - begun)
            share = left / (len(arguments.methods) - number)
            report["methods"].append(measure(config, method, device, limits, sizes, share))
    report["seconds"] = time.perf_counter() - begun
    print(table(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
