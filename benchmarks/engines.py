"""Speed and memory of engines: reading, writing, predicting, and many calls at once over one program.

    python benchmarks/engines.py --model bundled --model http://localhost:8000#cwm
        [--quantization nf4] [--read N] [--events N] [--calls 1 2 4 8 16 32] [--drafts N] [--plot FILE.svg] [--json]

Predictions are made by the model alone (`--assist off`), drafted from the program. A call's first event comes after its
program has been read; calls of one program share that. `requests` are what a server was sent, and equal the passes
where none had to ask for a token that the server did not tell.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from cwm_lsp.predict import engines
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Engine, Options, Pass, Prefix
from cwm_lsp.predict.predictor import Predictor, Task
from cwm_lsp.source.functions import find

PROGRAM = '''\
def primes(limit):
    """The primes below a limit."""
    found = []
    for number in range(2, limit):
        for prime in found:
            if number % prime == 0:
                break
        else:
            found.append(number)
    return found
'''
_WRITTEN = 16
"""Tokens that are written one by one to time that."""
_numbers = count(10)
"""Arguments that no call has had before."""


@dataclass(frozen=True)
class Measured:
    """One engine. Times in seconds."""

    model: str
    loading: float
    memory_gb: float | None
    """Of the process so far, or of the GPU where there is one; of a server's, nothing is known here."""
    read_tokens_per_second: float
    write_tokens_per_second: float
    """One by one."""
    draft_pass: float
    """That verifies as many tokens as the engine drafts at most."""
    first_event: float
    events_per_second: float
    tokens_per_second: float
    passes_per_event: float
    requests_per_event: float | None
    together: dict[int, float]
    """Calls at once → events a second."""


def measure(options: Options, read: int, events: int, calls: list[int], drafts: int | None) -> Measured:
    """Load a model and time it."""
    started = time.perf_counter()
    engine = engines.load(options)
    loading = time.perf_counter() - started
    if drafts is not None:
        engine.draft_tokens = drafts
    text = _text(engine, read)
    warm = min(len(text), 64)
    engine.forward([Pass(Prefix(), text[:warm], 1)])  # what is done once is not timed
    seconds, (prefix, _) = _timed(engine, Prefix(), text[::-1])
    write = 0.0
    for token in text[:_WRITTEN]:
        spent, (prefix, _) = _timed(engine, prefix, [token])
        write += spent
    drafted = text[: max(1, engine.draft_tokens)]
    draft_pass, _ = _timed(engine, prefix, drafted, keep=len(drafted))
    first: list[float] = []
    requests = getattr(engine, "requests", None)
    started = time.perf_counter()
    stats = (
        Predictor.of(engine)
        .predict(
            _task(),
            assist="off",
            budget=Budget(events=events, seconds=600),
            on_event=lambda _event: first.append(time.perf_counter() - started),
        )
        .stats
    )
    sent = None if requests is None else (engine.requests - requests) / stats.events  # type: ignore[attr-defined]
    together = {}
    for number in calls:
        tasks = [_task() for _ in range(number)]
        started = time.perf_counter()
        traces = Predictor.of(engine).predict_all(tasks, assist="off", budget=Budget(events=events, seconds=600))
        together[number] = sum(trace.stats.events for trace in traces) / (time.perf_counter() - started)
    return Measured(
        options.name,
        loading,
        None if requests is not None else _memory(),
        len(text) / seconds,
        _WRITTEN / write,
        draft_pass,
        first[1] if len(first) > 1 else first[0],  # the call itself is given
        stats.events / stats.seconds,
        stats.tokens / stats.seconds,
        stats.forward_passes / stats.events,
        sent,
        together,
    )


def _timed(engine: Engine, prefix: Prefix, tokens: list[int], keep: int = 1) -> tuple[float, Any]:
    """Seconds that a pass takes until its likeliest tokens are known, and what it gives."""
    step, started = Pass(prefix, tokens, keep), time.perf_counter()
    [(longer, distributions)] = engine.forward([step])
    for distribution in distributions:
        next(distribution.ranked())
    return time.perf_counter() - started, (longer, distributions)


def _text(engine: Engine, length: int) -> list[int]:
    """Tokens of a program, as many as fit half of the context."""
    tokens = list(engine.tokenizer.encode(PROGRAM))
    length = min(length, engine.context_length // 2)
    return (tokens * (length // len(tokens) + 1))[:length]


def _task() -> Task:
    return Task("primes.py", PROGRAM, find(PROGRAM, "primes", "primes.py"), f"primes({next(_numbers)})")


def _memory() -> float:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 1e9
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte / 1e9


def table(results: list[Measured]) -> str:
    """In Markdown, one column an engine."""
    rows = [
        ("loading, s", *(f"{one.loading:.1f}" for one in results)),
        ("memory, GB", *("–" if (gb := one.memory_gb) is None else f"{gb:.2f}" for one in results)),
        ("reading, tokens a second", *(f"{one.read_tokens_per_second:,.0f}" for one in results)),
        ("writing one by one, tokens a second", *(f"{one.write_tokens_per_second:,.1f}" for one in results)),
        ("a pass over the longest draft, ms", *(f"{1000 * one.draft_pass:,.0f}" for one in results)),
        ("first event, s", *(f"{one.first_event:.2f}" for one in results)),
        ("predicting, events a second", *(f"{one.events_per_second:,.1f}" for one in results)),
        ("predicting, tokens a second", *(f"{one.tokens_per_second:,.0f}" for one in results)),
        ("passes an event", *(f"{one.passes_per_event:.2f}" for one in results)),
        ("requests an event", *("–" if (n := one.requests_per_event) is None else f"{n:.2f}" for one in results)),
        *(
            (f"{calls} calls at once, events a second", *(f"{one.together[calls]:,.1f}" for one in results))
            for calls in results[0].together
        ),
    ]
    head = ("", *(one.model for one in results))
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def plot(results: list[Measured], path: Path) -> None:
    """Events a second by calls at once."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for one in results:
        axes.plot(list(one.together), list(one.together.values()), marker="o", label=one.model)
    axes.set(xscale="log", yscale="log", xlabel="calls at once", ylabel="events a second")
    axes.set_xticks(list(results[0].together), labels=list(map(str, results[0].together)))
    axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", action="append", metavar="bundled|PATH|HUB_ID|URL", help="may be repeated")
    parser.add_argument("--quantization", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--read", type=int, default=1024, metavar="N", help="tokens to time reading with")
    parser.add_argument("--events", type=int, default=40, metavar="N", help="most events of a call")
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32], metavar="N")
    parser.add_argument("--drafts", type=int, metavar="N", help="tokens to draft at most, if not the engine's number")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    options = Options(quantization=arguments.quantization, device=arguments.device)
    results = [
        measure(replace(options, name=model), arguments.read, arguments.events, arguments.calls, arguments.drafts)
        for model in arguments.model or [engines.BUNDLED]
    ]
    if arguments.plot:
        plot(results, arguments.plot)
    print(json.dumps([asdict(one) for one in results], indent=1) if arguments.json else table(results))


if __name__ == "__main__":
    main()
