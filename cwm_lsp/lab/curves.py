"""Pictures: the learning curves of a training run, the reliability of a model's confidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_lsp.errors import UnavailableError
from cwm_lsp.lab.evaluate import Answer, reliability, shown_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = {"step": "kind and line", "value": "changed values", "return": "return values", "crash": "crashes"}


def draw(log: Path, image: Path) -> None:
    """The loss, and the shares of right answers on held-out generated programs, by tokens seen."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = new_figure(9, 4)
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


def draw_reliability(found: Mapping[str, Sequence[Answer]], image: Path) -> None:
    """How many of the values said with some confidence are right, by set; larger dots stand for more values."""
    figure = new_figure(4.5, 4.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for name, answers in found.items():
        values = shown_values(answers)
        bins = list(reliability(values))
        means, shares = [mean for _, mean, _ in bins], [share for _, _, share in bins]
        (line,) = axes.plot(means, shares, linewidth=0.8, label=name)
        axes.scatter(means, shares, [4 + 300 * len(b) / len(values) for b, _, _ in bins], color=line.get_color())
    axes.set(title="Reliability of values", xlabel="confidence", ylabel="right", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(image)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches; UnavailableError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnavailableError("drawing needs matplotlib: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")
