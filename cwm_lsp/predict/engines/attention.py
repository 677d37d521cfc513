"""Attention over keys and values that stay where they were written, in place of transformers' caches.

transformers computes all else of a model. What it calls for attention writes the new tokens' keys and values into their
slots, and attends to slots as they lie: to those that every new token sees, without a mask, by a fused kernel where
there is one; to those at the edge of a sliding window and to the new tokens themselves, with a mask. The parts are put
together by their log-sum-exps (Milakov & Gimelshein 2018; FlashAttention, Dao et al. 2022). Nothing of the past is
copied, moved or repeated for several query heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch

from cwm_lsp.predict.engines.blocks import Extent, Pool
from cwm_lsp.predict.engines.plan import SCORES

NAME = "cwm_lsp"
"""As which transformers knows this attention."""

Part = tuple[torch.Tensor, torch.Tensor]
"""What is attended to [heads, queries, size], and the log-sum-exp of its scores [heads, queries]."""
Fused = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], Part]


class Buffers:
    """Keys and values of all layers, [heads, slots, size] each."""

    def __init__(
        self,
        pools: Sequence[Pool],
        layers: Sequence[int],
        heads: int,
        size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """`layers`: of each layer, the pool that its slots are in."""
        self.layers = layers
        self.pools = pools

        def buffer(pool: int) -> torch.Tensor:
            return torch.empty(heads, pools[pool].blocks * pools[pool].size, size, dtype=dtype, device=device)

        self.keys = [buffer(pool) for pool in layers]
        self.values = [buffer(pool) for pool in layers]

    @property
    def bytes(self) -> int:
        """That they take."""
        return sum(one.nbytes for one in (*self.keys, *self.values))


class _Share(NamedTuple):
    """What one text does in a pass, in the layers of one pool. Slices are of rows of the pass, or of slots."""

    rows: slice
    writes: list[tuple[slice, slice]]
    """Rows, and the slots that they go to."""
    seen: list[slice]
    """Slots that all its rows see."""
    edges: list[tuple[slice, torch.Tensor]]
    """Slots that some of its rows see, with a mask [rows, slots]."""
    own: torch.Tensor | None
    """Which of its rows see which of them, [rows, rows]; None where there is one, which is among the slots seen."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text's part of a pass."""

    past: int
    """Tokens before it."""
    count: int
    before: Sequence[Extent] | None
    """Of the tokens before it, in each pool; None where there are none."""
    extents: Sequence[Extent]
    """Of all its tokens."""


class Reading:
    """One pass over one or more texts, which lie one after the other in its rows."""

    def __init__(self, buffers: Buffers, texts: Sequence[Text]) -> None:
        self._buffers = buffers
        self._shares = [_shares(pool, n, texts, buffers) for n, pool in enumerate(buffers.pools)]

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """What the rows attend to: query [query heads, rows, size], key and value [heads, rows, size] →
        [rows, query heads, size]."""
        keys, values = self._buffers.keys[layer], self._buffers.values[layer]
        attended = []
        for share in self._shares[self._buffers.layers[layer]]:
            for rows, slots in share.writes:
                keys[:, slots] = key[:, rows]
                values[:, slots] = value[:, rows]
            own = query[:, share.rows]
            # The query heads that one key and value head serves become rows of one product.
            grouped = own.reshape(key.shape[0], -1, own.shape[-1])
            parts = [part for slots in share.seen for part in _seen(grouped, keys[:, slots], values[:, slots], scale)]
            parts += [_masked(grouped, keys[:, slots], values[:, slots], scale, mask) for slots, mask in share.edges]
            if share.own is not None:
                parts.append(_masked(grouped, key[:, share.rows], value[:, share.rows], scale, share.own))
            attended.append(_joined(parts).to(query.dtype).reshape(own.shape))
        whole = attended[0] if len(attended) == 1 else torch.cat(attended, dim=1)
        return whole.transpose(0, 1)


def _shares(pool: Pool, number: int, texts: Sequence[Text], buffers: Buffers) -> list[_Share]:
    device = buffers.keys[0].device
    shares = []
    row = 0
    for text in texts:
        extent, past, new = text.extents[number], text.past, text.count
        before = text.before[number] if text.before else extent
        window = pool.window or past + new
        all_see = max(before.start, past + new - window)
        """The first position that the last row sees, and so all rows."""
        some_see = max(before.start, past + 1 - window)
        positions = torch.arange(past, past + new, device=device)[:, None]

        def mask(first: int, count: int, positions: torch.Tensor = positions, window: int = window) -> torch.Tensor:
            others = torch.arange(first, first + count, device=device)[None]
            return (others <= positions) & (others > positions - window)

        writes = []
        for run in pool.runs(extent, past, past + new):
            begun = row + run.position - past
            writes.append((slice(begun, begun + run.length), slice(run.slot, run.slot + run.length)))
        seen = pool.runs(before if new > 1 else extent, all_see, past if new > 1 else past + 1)
        edges = pool.runs(before, some_see, min(all_see, past))
        shares.append(
            _Share(
                slice(row, row + new),
                writes,
                [slice(run.slot, run.slot + run.length) for run in seen],
                [(slice(run.slot, run.slot + run.length), mask(run.position, run.length)) for run in edges],
                mask(past, new) if new > 1 else None,
            )
        )
        row += new
    return shares


def _seen(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> list[Part]:
    """Attention to all of some keys, in one or more parts."""
    if fused := _fused(query.device, query.dtype, query.shape[-1]):
        return [fused(query, key, value, scale)]
    step = max(1, SCORES // (query.shape[0] * query.shape[1]))
    return [
        _plain(query, key[:, at : at + step], value[:, at : at + step], scale) for at in range(0, key.shape[1], step)
    ]


def _masked(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, mask: torch.Tensor) -> Part:
    """Attention to those keys that the mask [rows, keys] shows; a row that sees none has no weight."""
    return _plain(query, key, value, scale, mask)


def _plain(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, mask: torch.Tensor | None = None
) -> Part:
    """Attention with the scores written out, in 32 bits at least."""
    scores = query @ key.transpose(1, 2)
    scores = (scores if scores.dtype == torch.float64 else scores.float()) * scale
    if mask is not None:
        # Not infinite: a row that sees nothing here must stay a number, and gets no weight beside the others.
        hidden = torch.finfo(scores.dtype).min / 4
        scores.view(scores.shape[0], -1, *mask.shape).masked_fill_(~mask, hidden)
    total = scores.logsumexp(-1)
    weights = scores.sub_(total[..., None]).exp_()
    return (weights.to(value.dtype) @ value).to(weights.dtype), total


def _joined(parts: Sequence[Part]) -> torch.Tensor:
    """Attention to all of the parts."""
    attended, total = parts[0]
    for more, its_total in parts[1:]:
        both = torch.logaddexp(total, its_total)
        attended = attended * (total - both).exp()[..., None] + more * (its_total - both).exp()[..., None]
        total = both
    return attended


@cache
def _fused(device: torch.device, dtype: torch.dtype, size: int) -> Fused | None:
    """The kernel of FlashAttention that PyTorch has for a device, where it gives what plain attention gives."""
    aten: Any = torch.ops.aten
    kernel = {
        "cpu": aten._scaled_dot_product_flash_attention_for_cpu,
        "cuda": aten._scaled_dot_product_flash_attention,  # that of ROCm, too
    }.get(device.type)
    if kernel is None:
        return None

    def fused(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> Part:
        attended, total, *_ = kernel(query[None], key[None], value[None], scale=scale)
        precise = torch.promote_types(attended.dtype, torch.float32)
        return attended[0].to(precise), total[0].to(precise)

    # Keys as they lie: with other slots around them.
    query = torch.linspace(-1, 1, 2 * 6 * size, device=device, dtype=dtype).reshape(2, 6, size)
    slots = torch.linspace(-2, 1, 2 * 40 * size, device=device, dtype=dtype).sin().reshape(2, 40, size)
    key, value = slots[:, 3:30], slots[:, 5:32]
    try:
        found = fused(query, key, value, size**-0.5)
    except (RuntimeError, NotImplementedError):
        return None
    wanted = _plain(query, key, value, size**-0.5)
    near = 50 * torch.finfo(dtype).eps
    return fused if all(torch.allclose(a, b, near, near) for a, b in zip(found, wanted, strict=True)) else None


def attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    cwm_reading: Reading | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls. Without a reading, as in training, it is PyTorch's own attention."""
    if cwm_reading is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return attended, None
    scale = scaling or query.shape[-1] ** -0.5
    return cwm_reading.attend(module.layer_idx, query[0], key[0], value[0], scale)[None], None


def no_mask(device: torch.device) -> torch.Tensor:
    """What tells transformers that it need not make masks: it takes one of four dimensions as it is."""
    return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device)


def use(model: Any) -> None:
    """Have a model of transformers' attend so."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
