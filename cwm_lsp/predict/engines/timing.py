"""How long a pass takes by its tokens, measured once for a model on a device, and kept."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cwm_lsp.predict.engines.interface import Engine, Pass, PassTimes, Prefix

log = logging.getLogger(__name__)

LIMIT = 2.0
"""Seconds that measuring takes at most, but for the pass at hand."""
_PAST = 64
"""Tokens before those that are timed."""
_TIMES = 3
"""That each is timed, to take the quickest."""


def measure(engine: Engine, limit: float = LIMIT, clock: Callable[[], float] = time.perf_counter) -> PassTimes:
    """Times passes of 1, 2, 4 … tokens, up to the longest draft."""
    started = clock()
    room = engine.context_length - engine.draft_tokens - 1
    ((past, _),) = engine.forward([Pass(Prefix(), [0] * max(1, min(_PAST, room)), 1)])
    measured: dict[int, float] = {}
    sizes = [1 << n for n in range(engine.draft_tokens.bit_length())]
    for again in range(_TIMES + 1):  # the first of each size does what is done once
        for tokens in sizes:
            if again and clock() - started > limit:
                break
            begun = clock()
            engine.forward([Pass(past, [0] * tokens, tokens)])
            spent = clock() - begun
            measured[tokens] = min(spent, measured.get(tokens, spent) if again > 1 else spent)
    return PassTimes(tuple(sorted(measured.items())))


def kept(engine: Engine, of: Sequence[str], folder: Path) -> PassTimes:
    """What was measured before of the same, which `of` names in full; else it is measured now, and kept in a file of
    `folder`, if that can be written."""
    file, name = folder / "passes.json", " | ".join(of)
    times: dict[str, list[tuple[int, float]]] = {}
    with suppress(OSError, ValueError):
        times = json.loads(file.read_text(encoding="utf-8"))
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        found = PassTimes(tuple((int(tokens), float(seconds)) for tokens, seconds in times[name]))
        if found.measured:
            return found
    made = measure(engine)
    log.info("passes of %s: %s", name, ", ".join(f"{tokens} {1000 * s:.1f} ms" for tokens, s in made.measured))
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({**times, name: made.measured}, indent=1), encoding="utf-8")
        fresh.replace(file)
    return made
