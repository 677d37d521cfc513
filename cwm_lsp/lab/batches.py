"""Documents of like length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cwm_lsp.lab.documents import WEIGHTS, Encoded


def batched(encoded: list[Encoded], size: int) -> Iterator[list[Encoded]]:
    """Documents of like length, together at most `size` positions with padding."""
    batch: list[Encoded] = []
    for one in sorted(encoded, key=lambda one: len(one.ids)):
        if batch and (len(batch) + 1) * len(one.ids) > size:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def padded(batch: list[Encoded]) -> tuple[Tensor, Tensor]:
    """Token ids and loss weights, both [documents, longest]; padding is id 0 of weight 0, after the text."""
    longest = max(len(one.ids) for one in batch)
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    weights = np.zeros((len(batch), longest), dtype=np.float32)
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)] = one.ids
        weights[row, : len(one.ids)] = WEIGHTS[one.classes]
    return torch.from_numpy(ids), torch.from_numpy(weights)
