"""A small `CwmForCausalLM` in numpy: what runs the bundled model, without torch and within milliseconds of starting.

The forward pass is that of transformers' `modeling_cwm` in 32-bit floats, one sequence after the other. It is for
models of a few million parameters; larger ones are for `local`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines.cache import PrefixCache
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of one layer, transposed to [in, out] so that a row of activations is multiplied from the left."""

    attention_norm: Array
    qkv: Array
    """Query, key and value projections side by side."""
    output: Array
    mlp_norm: Array
    gate_up: Array
    """Gate and up projections side by side."""
    down: Array


class KeyValues:
    """Keys and values of a sequence, [layers, 2, heads, capacity, head size], shared by all prefixes of the sequence.

    Positions are written once. Extending a prefix that others have extended already makes a copy.
    """

    def __init__(self, room: Array) -> None:
        self.room = room
        self.written = 0

    def extended(self, length: int, more: int) -> KeyValues:
        """Room for `more` positions after the first `length`: this, if nothing has been written there, or a copy."""
        import numpy as np

        if self.written == length and length + more <= self.room.shape[3]:
            self.written += more
            return self
        layers, two, heads, _, size = self.room.shape
        longer = KeyValues(np.empty((layers, two, heads, 2 * (length + more), size), np.float32))
        longer.room[:, :, :, :length] = self.room[:, :, :, :length]
        longer.written = length + more
        return longer


class PortableEngine(Engine):
    """A checkpoint folder read into memory: `config.json`, `model.safetensors`, `tokenizer.json`."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises UnavailableError where the folder holds no model that this engine can run."""
        import numpy as np
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from threadpoolctl import threadpool_limits

        # Matrices this small gain nothing from more threads, and on a busy machine wait long for the last of them.
        threadpool_limits(1, user_api="blas")
        try:
            config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            weights = load_file(folder / "model.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            raise UnavailableError(f"no model could be loaded from {folder}: {error}") from error
        if set(config["layer_types"]) != {"full_attention"} or config["rope_parameters"]["rope_type"] != "default":
            raise UnavailableError(f"{folder} needs the local engine: it has sliding windows or scaled positions")
        self.name = name
        self.tokenizer = Tokenizer.from_file(folder / "tokenizer.json")
        self.context_length: int = config["max_position_embeddings"]
        self.pass_tokens = 1024
        self.draft_tokens = 64
        self._heads: int = config["num_attention_heads"]
        self._kv_heads: int = config["num_key_value_heads"]
        self._size: int = config["head_dim"]
        self._epsilon: float = config["rms_norm_eps"]

        def weight(key: str) -> Array:
            return weights[key].astype(np.float32)

        def joined(prefix: str, *keys: str) -> Array:
            return np.ascontiguousarray(np.concatenate([weight(f"{prefix}.{key}.weight") for key in keys]).T)

        self._embeddings = weight("model.embed_tokens.weight")
        tied = config.get("tie_word_embeddings", False)
        self._head = np.ascontiguousarray((self._embeddings if tied else weight("lm_head.weight")).T)
        self._norm = weight("model.norm.weight")
        self._layers = [
            Layer(
                attention_norm=weight(f"{at}.input_layernorm.weight"),
                qkv=joined(f"{at}.self_attn", "q_proj", "k_proj", "v_proj"),
                output=joined(f"{at}.self_attn", "o_proj"),
                mlp_norm=weight(f"{at}.post_attention_layernorm.weight"),
                gate_up=joined(f"{at}.mlp", "gate_proj", "up_proj"),
                down=joined(f"{at}.mlp", "down_proj"),
            )
            for at in (f"model.layers.{n}" for n in range(config["num_hidden_layers"]))
        ]
        theta = config["rope_parameters"]["rope_theta"]
        frequencies = theta ** (-np.arange(0, self._size, 2, dtype=np.float64) / self._size)
        angles = np.outer(np.arange(self.context_length), frequencies)
        self._cos, self._sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        self._cache = PrefixCache(tokens=4 * self.context_length)

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        return [self._forward(step.prefix, step.tokens, step.keep) for step in batch]

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        return Prefix(prefix.tokens[:length], prefix.state if length else None)

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        kept, length = self._cache.find(tokens)
        return self.cut(kept, min(length, len(tokens) - 1)) if length else kept

    def remember(self, prefix: Prefix) -> None:
        self._cache.add(prefix)

    def _forward(self, prefix: Prefix, tokens: Sequence[int], keep: int) -> tuple[Prefix, list[Distribution]]:
        import numpy as np

        past, new = len(prefix), len(tokens)
        end = past + new
        known: KeyValues = prefix.state or KeyValues(
            np.empty((len(self._layers), 2, self._kv_heads, 0, self._size), np.float32)
        )
        state = known.extended(past, new)
        cos, sin = self._cos[past:end], self._sin[past:end]
        future = np.triu(np.full((new, new), -np.inf, np.float32), 1)
        x = self._embeddings[list(tokens)]
        for n, layer in enumerate(self._layers):
            mixed = _normalised(x, layer.attention_norm, self._epsilon) @ layer.qkv
            mixed = mixed.reshape(new, self._heads + 2 * self._kv_heads, self._size).transpose(1, 0, 2)
            queries = _rotated(mixed[: self._heads], cos, sin)
            keys, values = state.room[n, 0, :, :end], state.room[n, 1, :, :end]
            keys[:, past:] = _rotated(mixed[self._heads : -self._kv_heads], cos, sin)
            values[:, past:] = mixed[-self._kv_heads :]
            # Each key and value head serves several query heads: they become rows of one matrix product.
            grouped = queries.reshape(self._kv_heads, -1, self._size)
            scores = grouped @ keys.transpose(0, 2, 1) * np.float32(self._size**-0.5)
            scores.reshape(self._kv_heads, -1, new, end)[..., past:] += future
            attended = _softmax(scores) @ values
            x = x + attended.reshape(self._heads, new, -1).transpose(1, 0, 2).reshape(new, -1) @ layer.output
            gate, up = np.split(_normalised(x, layer.mlp_norm, self._epsilon) @ layer.gate_up, 2, axis=1)
            x = x + (gate / (1 + np.exp(-gate)) * up) @ layer.down
        logits = _normalised(x[new - keep :], self._norm, self._epsilon) @ self._head
        logprobs = logits - _logsumexp(logits)
        longer = Prefix(prefix.tokens + tuple(tokens), state)
        return longer, [RowDistribution(row) for row in logprobs]


class RowDistribution(Distribution):
    """One row of log-probabilities."""

    __slots__ = ("_logprobs",)

    def __init__(self, logprobs: Array) -> None:
        self._logprobs = logprobs

    def ranked(self) -> Iterator[tuple[int, float]]:
        best = int(self._logprobs.argmax())  # the first of equals; nearly always the only one asked for
        yield best, float(self._logprobs[best])
        for token_id in (-self._logprobs).argsort(kind="stable").tolist():
            if token_id != best:
                yield token_id, float(self._logprobs[token_id])

    def logprob(self, token_id: int) -> float:
        return float(self._logprobs[token_id])


def _normalised(x: Array, weight: Array, epsilon: float) -> Array:
    """Root mean square normalisation (Zhang & Sennrich 2019)."""
    import numpy as np

    result: Array = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon)) * weight
    return result


def _rotated(x: Array, cos: Array, sin: Array) -> Array:
    """Rotary position embedding (Su et al. 2021) of [heads, positions, head size], halves paired as in Llama."""
    import numpy as np

    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _softmax(scores: Array) -> Array:
    import numpy as np

    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Array = scores / scores.sum(axis=-1, keepdims=True)
    return result


def _logsumexp(logits: Array) -> Array:
    import numpy as np

    top = logits.max(axis=-1, keepdims=True)
    result: Array = top + np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    return result
