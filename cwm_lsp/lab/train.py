"""Training: one command, seeded, and resumable to the bit.

The whole state of a run is in its folder: `state.pt` (weights, optimiser, position in the stream of documents),
`log.jsonl` (one line a measurement), `tokenizer.json`.
"""

# ruff: noqa: S311

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from cwm_lsp.lab import documents, evaluate
from cwm_lsp.lab.batches import batched, padded
from cwm_lsp.lab.corpus import stream
from cwm_lsp.lab.documents import Encoded
from cwm_lsp.lab.model import Shape, WorldModel, best_device, fast_products, grown, initialise, seed_copying


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of, apart from the shape of its model."""

    seed: int = 1
    rate: float = 2e-3
    warmup: int = 100
    """Steps."""
    batch: int = 4096
    """Token positions a step, padding included."""
    pool: int = 128
    """Documents that are sorted by length together to make batches of little padding."""
    stages: tuple[tuple[int, str], ...] = ((0, "copies"), (800_000, "short"), (2_000_000, "mix"))
    """From how many tokens on which stage of the stream is read."""
    weight_decay: float = 0.05
    beta2: float = 0.98

    def stage(self, tokens: int) -> str:
        return [name for start, name in self.stages if start <= tokens][-1]


@dataclass(slots=True)
class Progress:
    """Where a run is."""

    step: int = 0
    tokens: int = 0
    """Of documents, padding not counted."""
    pool: int = 0
    stage: str = "copies"
    """Of the current pool: fixed when it is begun."""
    batch: int = 0
    """Batches of the current pool already trained on."""
    seconds: float = 0.0
    decay_from: int = -1
    """Tokens seen when the final decay of the learning rate began; -1 before."""
    decay_tokens: int = 0
    """Over how many tokens it falls to zero."""


class Run:
    """A training run: new, or of `Run.resume` or `Run.grow`; then `train`."""

    def __init__(self, folder: Path, shape: Shape, recipe: Recipe, tokenizer: Tokenizer, real: Sequence[str]) -> None:
        self.folder, self.shape, self.recipe, self.tokenizer, self.real = folder, shape, recipe, tokenizer, real
        self.model = WorldModel(shape)
        initialise(self.model, recipe.seed)
        seed_copying(self.model, recipe.seed)
        self.model.to(best_device())  # the first weights are the same everywhere
        self.optimizers = optimizers(self.model, recipe)
        self.progress = Progress()

    @classmethod
    def resume(cls, folder: Path, tokenizer: Tokenizer, real: Sequence[str], **changes: Any) -> Run:
        """The run as its last checkpoint left it, with a changed recipe if asked for."""
        state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        recipe = dict(state["recipe"])
        recipe["stages"] = tuple((tokens, name) for tokens, name in recipe["stages"])
        run = cls(folder, Shape(**state["shape"]), Recipe(**(recipe | changes)), tokenizer, real)
        run.model.load_state_dict(state["model"])
        for optimizer, saved in zip(run.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        run.progress = Progress(**state["progress"])
        return run

    @classmethod
    def grow(
        cls, folder: Path, model: WorldModel, layers: int, recipe: Recipe, tokenizer: Tokenizer, real: Sequence[str]
    ) -> Run:
        """A new run that starts from a trained model, with further layers."""
        run = cls(folder, replace(model.shape, layers=layers), recipe, tokenizer, real)
        run.model.load_state_dict(grown(model, layers).state_dict())
        return run

    def save(self) -> None:
        """Write the checkpoint, atomically."""
        state = {
            "shape": self.shape.to_json(),
            "recipe": asdict(self.recipe),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        part = self.folder / "state.pt.part"
        torch.save(state, part)
        part.replace(self.folder / "state.pt")

    def log(self, **values: Any) -> None:
        line = json.dumps({"tokens": self.progress.tokens, "step": self.progress.step, **values})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)  # noqa: T201 - progress is for the terminal

    def rate(self) -> float:
        """Learning rate: linear warm-up, constant, then to zero as 1 - √x of the decay, which ends lower than a line
        does (Hägele et al. 2024)."""
        warm = min(1.0, (self.progress.step + 1) / self.recipe.warmup)
        if self.progress.decay_from < 0:
            return self.recipe.rate * warm
        decayed = (self.progress.tokens - self.progress.decay_from) / self.progress.decay_tokens
        return self.recipe.rate * max(0.0, 1 - math.sqrt(decayed))

    def pool(self) -> list[list[Encoded]]:
        """The batches of the current pool of documents."""
        p, recipe = self.progress, self.recipe
        if p.batch == 0:
            p.stage = recipe.stage(p.tokens)
        batches = list(
            batched(self.documents(f"{recipe.seed}/{p.pool}", p.stage, recipe.pool, self.real), recipe.batch)
        )
        Random(f"{recipe.seed}/{p.pool}").shuffle(batches)
        return batches

    def documents(self, seed: str, stage: str, count: int, real: Sequence[str] = ()) -> list[Encoded]:
        """Up to `count` documents of the stream: those that fit the context."""
        texts = (stream.document(f"{seed}/{index}", stage, real) for index in range(count))
        encoded = (documents.encode(text, self.tokenizer) for text in texts)
        return [one for one in encoded if len(one.ids) <= self.shape.context]

    def train(
        self,
        *,
        tokens: int,
        minutes: float,
        decay: int = 0,
        save_every: float = 600,
        measure_every: int = 200,
        measured: int = 60,
    ) -> None:
        """Train until `tokens` have been seen or `minutes` are over, or a signal asks to stop.

        With `decay`, the learning rate falls to zero over that many tokens from here, also after a resumption, and the
        training ends there; called again, it goes on at the constant rate. `measured` is the number of held-out
        documents of each stage.
        """
        p = self.progress
        if 0 <= p.decay_from <= p.tokens - p.decay_tokens:
            p.decay_from = -1  # a finished decay is over: on at the constant rate
        if decay and p.decay_from < 0:
            p.decay_from, p.decay_tokens = p.tokens, decay
        if p.decay_from >= 0:
            tokens = min(tokens, p.decay_from + p.decay_tokens)
        stop = stop_signals()
        began = saved = time.monotonic()
        seconds = p.seconds
        losses: list[float] = []
        held_out = {stage: self.documents(f"held-out/{stage}", stage, measured) for stage in ("copies", "mix")}
        while True:
            batches = self.pool()
            for batch in batches[p.batch :]:
                now = time.monotonic()
                p.seconds = seconds + now - began
                if stop or p.tokens >= tokens or now - began > minutes * 60:
                    self.save()
                    self.log(**measure(self.model, held_out), seconds=round(p.seconds), saved=True)
                    return
                if now - saved > save_every:
                    self.save()
                    saved = now
                for optimizer in self.optimizers:
                    for group in optimizer.param_groups:
                        group["lr"] = self.rate()
                losses.append(self.update(batch))
                p.step += 1
                p.batch += 1
                p.tokens += sum(len(one.ids) for one in batch)
                if p.step % measure_every == 0:
                    loss = sum(losses) / len(losses)
                    losses.clear()
                    self.log(
                        stage=p.stage, loss=round(loss, 4), **measure(self.model, held_out), seconds=round(p.seconds)
                    )
            p.pool += 1
            p.batch = 0

    def update(self, batch: list[Encoded]) -> float:
        """One step of the optimiser; the weighted loss before it."""
        self.model.train()
        ids, weights = (one.to(self.model.device) for one in padded(batch))
        loss = weighted_loss(self.model, ids, thinned(weights, self.progress.step))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())


def optimizers(model: WorldModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices of the layers, AdamW for the embeddings and the norms.

    Muon's steps are scaled to the size of AdamW's (Liu et al. 2025), so that one rate suits both.
    """
    matrices = [weight for layer in model.model.layers for weight in layer.parameters() if weight.dim() > 1]
    norms = [weight for weight in model.parameters() if weight.dim() < 2]
    embeddings = {"params": [model.model.embed_tokens.weight], "weight_decay": recipe.weight_decay}
    return [
        torch.optim.Muon(matrices, lr=recipe.rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [embeddings, {"params": norms, "weight_decay": 0.0}],
            lr=recipe.rate,
            betas=(0.9, recipe.beta2),
            fused=True,
        ),
    ]


def stop_signals() -> list[int]:
    """From now on SIGTERM and SIGINT do no more than add their number to the list."""
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda arrived, _frame: received.append(arrived))
    return received


def thinned(weights: Tensor, step: int) -> Tensor:
    """Every fourth of the weakly weighted tokens, four times as heavy: logits are dear, and most tokens are forced."""
    weak = (weights > 0) & (weights < 0.2)
    kept = (torch.arange(weights.shape[1], device=weights.device) + step) % 4 == 0
    return torch.where(weak, weights * 4 * kept, weights)


def weighted_loss(model: WorldModel, ids: Tensor, weights: Tensor) -> Tensor:
    """Mean cross entropy (nats) of the next token, weighted; logits are computed only where there is weight."""
    chosen = weights[:, 1:].reshape(-1).nonzero()[:, 0]
    with fast_products(model.device):
        hidden = model(ids)[:, :-1].reshape(-1, model.shape.hidden)[chosen]
        logits = model.logits(hidden)
    weight = weights[:, 1:].reshape(-1)[chosen]
    loss = functional.cross_entropy(logits.float(), ids[:, 1:].reshape(-1)[chosen], reduction="none")
    return (loss * weight).sum() / weight.sum()


def measure(model: WorldModel, sets: dict[str, list[Encoded]]) -> dict[str, Any]:
    """Shares of right answers by set."""
    out: dict[str, Any] = {}
    for name, encoded in sets.items():
        found = evaluate.summary(list(evaluate.answers(model, encoded)))
        out[name] = {what: found[what] for what in ("step", "value", "return", "exception", "crash") if what in found}
    return out
