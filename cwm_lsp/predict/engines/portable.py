"""A small `CwmForCausalLM` in numpy: what runs the bundled model, without torch and within milliseconds of starting.

The forward pass is that of transformers' `modeling_cwm` in 32-bit floats, one sequence after the other. It is for
models of a few million parameters; larger ones are for `local`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.confidence import Calibration
from cwm_lsp.predict.engines.cache import PrefixCache
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]

_SPARE = 256
"""Positions that a sequence has room for beyond those asked for, at least."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of one layer, [in, out] so that a row of activations is multiplied from the left.

    What is the same for every token is multiplied into them: the weights of the normalisations, the scale of attention,
    the signs of `gate_up`.
    """

    qkv: Array
    """Query, key and value projections side by side. Of queries and keys the two numbers that positions rotate together
    stand side by side."""
    output: Array
    gate_up: Array
    """Gate and up projections side by side, both negated."""
    down: Array


class Extent:
    """The first `length` positions of some `KeyValues`, as long as anybody needs them."""

    __slots__ = ("__weakref__", "held", "length")

    def __init__(self, held: KeyValues, length: int) -> None:
        self.held = held
        self.length = length
        held.extents.add(self)


class KeyValues:
    """Keys [layers, heads, head size, capacity] and values [layers, heads, capacity, head size] of a sequence.

    All prefixes of it share them. What lies beyond the longest one that is still in use may be overwritten.
    """

    def __init__(self, layers: int, heads: int, size: int, capacity: int) -> None:
        import numpy as np

        self.keys = np.empty((layers, heads, size, capacity), np.float32)
        self.values = np.empty((layers, heads, capacity, size), np.float32)
        self.extents: WeakSet[Extent] = WeakSet()

    def extended(self, length: int, more: int) -> Extent:
        """`more` positions after the first `length`: here, if nobody needs what is there, else in a copy."""
        layers, heads, capacity, size = self.values.shape
        held = self
        if length + more > capacity or any(extent.length > length for extent in self.extents):
            held = KeyValues(layers, heads, size, length + more + max(_SPARE, length // 2))
            held.keys[..., :length] = self.keys[..., :length]
            held.values[:, :, :length] = self.values[:, :, :length]
        return Extent(held, length + more)


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
        self.description = f"{name}, by numpy in this process"
        self.tokenizer = Tokenizer.from_file(folder / "tokenizer.json")
        self.calibration = Calibration.load(folder)
        self.context_length: int = config["max_position_embeddings"]
        self.pass_tokens = 1024
        self.draft_tokens = 32
        self._heads: int = config["num_attention_heads"]
        self._kv_heads: int = config["num_key_value_heads"]
        self._size: int = config["head_dim"]
        self._epsilon: float = config["rms_norm_eps"]

        def weight(key: str) -> Array:
            return weights[f"{key}.weight"].astype(np.float32)

        def paired(projection: Array) -> Array:
            """Each head's halves interleaved: as in Llama, a number of one is rotated with one of the other."""
            heads = projection.reshape(-1, 2, self._size // 2, projection.shape[-1])
            result: Array = heads.swapaxes(1, 2).reshape(projection.shape)
            return result

        def layer(at: str) -> Layer:
            attention, mlp = f"{at}.self_attn", f"{at}.mlp"
            queries, keys, values = (weight(f"{attention}.{name}_proj") for name in "qkv")
            qkv = np.concatenate([paired(queries) * self._size**-0.5, paired(keys), values])
            gate_up = -np.concatenate([weight(f"{mlp}.gate_proj"), weight(f"{mlp}.up_proj")])
            return Layer(
                qkv=np.ascontiguousarray((qkv * weight(f"{at}.input_layernorm")).T),
                output=np.ascontiguousarray(weight(f"{attention}.o_proj").T),
                gate_up=np.ascontiguousarray((gate_up * weight(f"{at}.post_attention_layernorm")).T),
                down=np.ascontiguousarray(weight(f"{mlp}.down_proj").T),
            )

        self._layers = [layer(f"model.layers.{n}") for n in range(config["num_hidden_layers"])]
        self._embeddings = weight("model.embed_tokens")
        tied = config.get("tie_word_embeddings", False)
        head = self._embeddings if tied else weight("lm_head")
        self._head = np.ascontiguousarray((head * weight("model.norm")).T)
        theta = config["rope_parameters"]["rope_theta"]
        frequencies = theta ** (-np.arange(0, self._size, 2, dtype=np.float64) / self._size)
        angles = np.outer(np.arange(self.context_length), frequencies)
        # Rotary position embedding (Su et al. 2021): a pair of numbers is a complex one, turned by its position.
        self._rotations = np.exp(1j * angles).astype(np.complex64)[:, None]
        self._future = np.triu(np.full((self.pass_tokens, self.pass_tokens), -np.inf, np.float32), 1)
        self._cache = PrefixCache(tokens=4 * self.context_length)

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        return [self._forward(step.prefix, step.tokens, step.keep) for step in batch]

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        if length == len(prefix):
            return prefix
        return Prefix(prefix.tokens[:length], Extent(prefix.state.held, length) if length else None)

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        kept, length = self._cache.find(tokens)
        return self.cut(kept, min(length, len(tokens) - 1)) if length else kept

    def remember(self, prefix: Prefix) -> None:
        self._cache.add(prefix)

    def _forward(self, prefix: Prefix, tokens: Sequence[int], keep: int) -> tuple[Prefix, list[Distribution]]:
        import numpy as np

        past, new = len(prefix), len(tokens)
        end, heads, kv_heads = past + new, self._heads, self._kv_heads
        held = prefix.state.held if prefix.state else KeyValues(len(self._layers), kv_heads, self._size, _SPARE)
        state = held.extended(past, new)
        held = state.held
        rotations, future = self._rotations[past:end], self._future[:new, :new]
        x = self._embeddings[list(tokens)]
        for n, layer in enumerate(self._layers):
            mixed = self._normalised(x) @ layer.qkv
            mixed = mixed.reshape(new, heads + 2 * kv_heads, self._size)
            turned = mixed[:, :-kv_heads].view(np.complex64)
            turned *= rotations
            keys, values = held.keys[n, :, :, :end], held.values[n, :, :end]
            keys[:, :, past:] = mixed[:, heads:-kv_heads].transpose(1, 2, 0)
            values[:, past:] = mixed[:, -kv_heads:].transpose(1, 0, 2)
            # Each key and value head serves several query heads: they become rows of one matrix product.
            scores = mixed[:, :heads].transpose(1, 0, 2).reshape(kv_heads, -1, self._size) @ keys
            scores.reshape(kv_heads, -1, new, end)[..., past:] += future
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            attended = scores @ values
            attended /= scores.sum(axis=-1, keepdims=True)
            x += attended.reshape(heads, new, -1).transpose(1, 0, 2).reshape(new, -1) @ layer.output
            gate_up = self._normalised(x) @ layer.gate_up
            gate, up = gate_up[:, : len(layer.down)], gate_up[:, len(layer.down) :]
            up *= gate
            np.exp(gate, out=gate)
            gate += 1
            up /= gate
            x += up @ layer.down
        longer = Prefix(prefix.tokens + tuple(tokens), state)
        if not keep:
            return longer, []
        logits = self._normalised(x[new - keep :]) @ self._head
        logits -= _logsumexp(logits)
        best = logits.argmax(axis=-1).tolist()  # the first of equals; nearly always the only one asked for
        return longer, [RowDistribution(row, token_id) for row, token_id in zip(logits, best, strict=True)]

    def _normalised(self, x: Array) -> Array:
        """Root mean square normalisation (Zhang & Sennrich 2019) without its weights."""
        import numpy as np

        squares = np.einsum("ij,ij->i", x, x) / np.float32(x.shape[1])
        result: Array = x / np.sqrt(squares + np.float32(self._epsilon))[:, None]
        return result


class RowDistribution(Distribution):
    """One row of log-probabilities."""

    __slots__ = ("_best", "_logprobs")

    def __init__(self, logprobs: Array, best: int) -> None:
        self._logprobs = logprobs
        self._best = best

    def ranked(self) -> Iterator[tuple[int, float]]:
        best = self._best
        yield best, float(self._logprobs[best])
        for token_id in (-self._logprobs).argsort(kind="stable").tolist():
            if token_id != best:
                yield token_id, float(self._logprobs[token_id])

    def logprob(self, token_id: int) -> float:
        return float(self._logprobs[token_id])

    def best(self, allowed: Collection[int]) -> tuple[int, float]:
        ids = sorted(allowed)
        token_id = ids[int(self._logprobs[ids].argmax())]
        return token_id, float(self._logprobs[token_id])


def _logsumexp(logits: Array) -> Array:
    import numpy as np

    top = logits.max(axis=-1, keepdims=True)
    result: Array = top + np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    return result
