"""The numpy engine beside transformers on the same weights: equal log-probabilities? and milliseconds a forward pass.

    python benchmarks/portable.py [--model bundled|FOLDER] [--context N] [--repeat N] [--threads N] [--json]

Both read the same documents of the training's generator, which is seeded. Passes of several sizes are timed after
`--context` tokens that are cached; told is the fastest and the median of the repeats. The numpy engine has one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from cwm_lsp.lab import documents
from cwm_lsp.lab import tokenizer as lab_tokenizer
from cwm_lsp.lab.corpus import stream
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.interface import Engine, Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.portable import PortableEngine

SIZES = (1, 8, 32, 64)
"""Tokens of the timed passes."""


def texts(folder: Path, longest: int, count: int) -> list[list[int]]:
    """Token ids of generated documents, one after the other up to `longest` tokens."""
    words = lab_tokenizer.load(folder)
    found, number = [], 0
    while len(found) < count:
        ids: list[int] = []
        while len(ids) < longest:
            ids += documents.encode(stream.document(f"benchmark/{number}", "mix"), words).ids.tolist()
            number += 1
        found.append(ids[:longest])
    return found


def logprobs(engine: Engine, ids: list[int]) -> torch.Tensor:
    """[tokens, vocabulary], read in passes of 128."""
    prefix, rows = Prefix(), []
    for start in range(0, len(ids), 128):
        part = ids[start : start + 128]
        [(prefix, distributions)] = engine.forward([Pass(prefix, part, len(part))])
        size = engine.tokenizer.vocabulary_size
        rows += [[distribution.logprob(token) for token in range(size)] for distribution in distributions]
    return torch.tensor(rows)


def timed(engine: Engine, ids: list[int], context: int, repeat: int) -> dict[int, list[float]]:
    """Milliseconds of passes after `context` tokens, by size."""
    [(prefix, _)] = engine.forward([Pass(Prefix(), ids[:context], 1)])
    spent: dict[int, list[float]] = {size: [] for size in SIZES}
    for number in range(repeat + 2):
        for size in SIZES:
            before = engine.cut(prefix, context)
            start = time.perf_counter()
            engine.forward([Pass(before, ids[context : context + size], size)])
            if number >= 2:
                spent[size].append(1000 * (time.perf_counter() - start))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--context", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = bundled_folder() if options.model == "bundled" else Path(options.model)
    engines: dict[str, Engine] = {}
    loading = {}
    for name, load in (("numpy", lambda: PortableEngine(folder, "numpy")), ("transformers", _transformers(folder))):
        start = time.perf_counter()
        engines[name] = load()
        loading[name] = round(time.perf_counter() - start, 3)
    samples = texts(folder, options.context + max(SIZES), 2)
    apart = max(
        float((logprobs(engines["numpy"], s) - logprobs(engines["transformers"], s)).abs().max()) for s in samples
    )
    result: dict[str, Any] = {"largest_difference": apart, "threads": options.threads, "loading_seconds": loading}
    for name, engine in engines.items():
        spent = timed(engine, samples[0], options.context, options.repeat)
        result[name] = {
            size: {"fastest_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2)}
            for size, times in spent.items()
        }
    if options.json:
        print(json.dumps(result))
        return
    print(f"largest difference of a log-probability: {apart:.1e}")
    print(f"loading: {loading['numpy']} s numpy, {loading['transformers']} s transformers")
    print(
        f"after {options.context} tokens, torch with {options.threads} threads; fastest and median of {options.repeat}"
    )
    for size in SIZES:
        ours, theirs = result["numpy"][size], result["transformers"][size]
        print(
            f"{size:3} tokens: numpy {ours['fastest_ms']:6.2f} / {ours['median_ms']:6.2f} ms, "
            f"transformers {theirs['fastest_ms']:6.2f} / {theirs['median_ms']:6.2f} ms, "
            f"{theirs['fastest_ms'] / ours['fastest_ms']:.1f} times as long"
        )


def _transformers(folder: Path) -> Any:
    return lambda: LocalEngine.load(folder, dtype="float32")


if __name__ == "__main__":
    main()
