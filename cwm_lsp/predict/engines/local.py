"""A `CwmForCausalLM` in this process, by transformers: of a folder or of the hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp.predict.confidence import UNCALIBRATED, Calibration
from cwm_lsp.predict.engines import Options, loading, plan
from cwm_lsp.predict.engines.cache import PrefixCache
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

RANKED_AT_HAND = 8
"""Best tokens of each position that leave the device with every pass."""

DRAFT_TOKENS = {"cpu": 64, "cuda": 256, "mps": 256}
"""Below these a pass costs about what reading the weights costs."""

KeyValues = tuple[tuple["torch.Tensor", "torch.Tensor"], ...]
"""Keys and values of each layer, [heads, length, head size]. Every token is kept in sliding-window layers too: the mask
makes the window, and any length can be cut back to."""


class LocalEngine(Engine):
    """A model held by transformers."""

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        name: str,
        held: plan.Plan | None = None,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        """`held`: how the model is held in memory, where that was planned."""
        self.name = name
        self.description = f"{name}, by transformers on {model.device}{f': {held}' if held else ''}"
        self.tokenizer = tokenizer
        self.calibration = calibration
        self.model = model
        self._past = "cache" if "cache" in signature(type(model).forward).parameters else "past_key_values"
        """What transformers calls the argument."""
        made_for = int(model.config.max_position_embeddings)
        self.context_length = min(made_for, held.context) if held else made_for
        self.pass_tokens = plan.PASS_TOKENS[model.device.type]
        self.draft_tokens = DRAFT_TOKENS[model.device.type]
        # Where memory is short, only what the plan has room for.
        several = max(4 * min(made_for, 8192), 2 * self.pass_tokens)
        self._cache = PrefixCache(tokens=several if self.context_length == made_for else self.context_length)

    @classmethod
    def load(cls, model: Options | str | Path, *, dtype: str | None = None) -> LocalEngine:
        """From a folder or a hub id; `dtype` as for `loading.load`.

        Raises:
            UnavailableError: it cannot be had, or does not fit; the message says what to do.
        """
        options = model if isinstance(model, Options) else Options(str(model))
        tokenizer = loading.tokenizer_of(options.name)
        calibration = Calibration.load(Path(options.name))
        loaded, held = loading.load(options, dtype)
        return cls(loaded, tokenizer, options.name, held, calibration)

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        import torch

        with torch.inference_mode():
            if len(batch) == 1:
                return [self._forward_one(batch[0])]
            return self._forward_many(batch)

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        if length == len(prefix.tokens):
            return prefix
        state = tuple((keys[:, :length], values[:, :length]) for keys, values in prefix.state) if length else None
        return Prefix(prefix.tokens[:length], state)

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        kept, length = self._cache.find(tokens)
        return self.cut(kept, min(length, len(tokens) - 1)) if length else kept

    def remember(self, prefix: Prefix) -> None:
        self._cache.add(prefix)

    def _forward_one(self, step: Pass) -> tuple[Prefix, list[Distribution]]:
        import torch
        from transformers import DynamicCache

        past = step.prefix.state
        cache: Any = DynamicCache([(keys[None], values[None]) for keys, values in past] if past else None)
        ids = torch.tensor([step.tokens], device=self.model.device)
        output = self.model(ids, **{self._past: cache}, use_cache=True, logits_to_keep=max(step.keep, 1))
        state = tuple((layer.keys[0], layer.values[0]) for layer in cache.layers)
        prefix = Prefix(step.prefix.tokens + tuple(step.tokens), state)
        return prefix, _distributions(output.logits[0]) if step.keep else []

    def _forward_many(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        """Pasts are aligned at their ends and the new tokens at their beginnings, so that distances stay true."""
        import torch
        from torch.nn.functional import pad
        from transformers import DynamicCache

        device = self.model.device
        pasts = [len(step.prefix) for step in batch]
        news = [len(step.tokens) for step in batch]
        past, new = max(pasts), max(news)
        shown = torch.zeros(len(batch), past + new, dtype=torch.long, device=device)
        positions = torch.zeros(len(batch), new, dtype=torch.long, device=device)
        ids = torch.zeros(len(batch), new, dtype=torch.long, device=device)
        for row, step in enumerate(batch):
            shown[row, past - pasts[row] : past + news[row]] = 1
            positions[row] = torch.arange(pasts[row], pasts[row] + new)
            ids[row, : news[row]] = torch.tensor(step.tokens)
        layers: list[tuple[torch.Tensor, torch.Tensor]] = []
        if past:
            some: KeyValues = next(step.prefix.state for step in batch if step.prefix.state)
            for n, (like, _) in enumerate(some):
                nothing = like[:, :0], like[:, :0]
                rows = [step.prefix.state[n] if step.prefix.state else nothing for step in batch]
                keys, values = (
                    torch.stack([pad(row[which], (0, 0, past - row[which].shape[1], 0)) for row in rows])
                    for which in (0, 1)
                )
                layers.append((keys, values))
        cache: Any = DynamicCache(layers or None)
        hidden = self.model.base_model(
            ids, attention_mask=shown, position_ids=positions, **{self._past: cache}, use_cache=True
        ).last_hidden_state
        wanted = torch.cat([hidden[row, news[row] - step.keep : news[row]] for row, step in enumerate(batch)])
        distributions = _distributions(self.model.get_output_embeddings()(wanted))
        results = []
        for row, step in enumerate(batch):
            start, end = past - pasts[row], past + news[row]
            state = tuple((layer.keys[row, :, start:end], layer.values[row, :, start:end]) for layer in cache.layers)
            mine, distributions = distributions[: step.keep], distributions[step.keep :]
            results.append((Prefix(step.prefix.tokens + tuple(step.tokens), state), mine))
        return results


class LogitsDistribution(Distribution):
    """One row of logits that stay on their device, the best few of which are known."""

    __slots__ = ("_best", "_logits", "_normaliser")

    def __init__(self, best: list[tuple[int, float]], logits: torch.Tensor, normaliser: float) -> None:
        self._best = best
        self._logits = logits
        self._normaliser = normaliser

    def ranked(self) -> Iterator[tuple[int, float]]:
        yield from self._best
        values, ids = self._logits.sort(descending=True, stable=True)
        given = {token_id for token_id, _ in self._best}
        for token_id, value in zip(ids.tolist(), values.tolist(), strict=True):
            if token_id not in given:
                yield token_id, value - self._normaliser

    def logprob(self, token_id: int) -> float:
        return float(self._logits[token_id]) - self._normaliser


def _distributions(logits: torch.Tensor) -> list[Distribution]:
    """The distributions of logits [positions, vocabulary]."""
    import torch

    logits = logits if logits.dtype == torch.float64 else logits.float()
    normalisers = logits.logsumexp(-1)
    values, ids = logits.topk(min(RANKED_AT_HAND, logits.shape[-1]), dim=-1)
    logprobs = values - normalisers[:, None]
    return [
        LogitsDistribution(sorted(zip(row_ids, row, strict=True), key=_best_first), logits[n], normaliser)
        for n, (row_ids, row, normaliser) in enumerate(
            zip(ids.tolist(), logprobs.tolist(), normalisers.tolist(), strict=True)
        )
    ]


def _best_first(ranked: tuple[int, float]) -> tuple[float, int]:
    return -ranked[1], ranked[0]
