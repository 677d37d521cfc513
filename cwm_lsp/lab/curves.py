"""Learning curves of a training run as a picture."""

from __future__ import annotations

import json
from pathlib import Path

from cwm_lsp.errors import UnavailableError

SHOWN = {"step": "kind and line", "value": "changed values", "return": "return values", "crash": "crashes"}


def draw(log: Path, image: Path) -> None:
    """The loss, and the shares of right answers on held-out generated programs, by tokens seen."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnavailableError("drawing needs matplotlib: pip install matplotlib") from error
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    trained = [row for row in rows if "loss" in row]
    left.plot([row["tokens"] / 1e6 for row in trained], [row["loss"] for row in trained], color="black")
    left.set(title="Training loss (weighted, nats)", xlabel="million tokens", ylim=(0, None))
    for what, label in SHOWN.items():
        told = [row for row in rows if what in row.get("mix", {})]
        right.plot([row["tokens"] / 1e6 for row in told], [row["mix"][what] for row in told], label=label)
    right.set(title="Held-out programs: right answers", xlabel="million tokens", ylim=(0, 1))
    right.legend()
    figure.savefig(image)
