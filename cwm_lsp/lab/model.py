"""The network that the lab trains: `CwmForCausalLM` with full attention, written for speed on a CPU.

Parameters carry the names that transformers gives them, so a state dict is a checkpoint; a test holds the logits of the
two equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MATCH, COPY = 2.5, 0.5
"""Strength, in `seed_copying`, of matching what is to be copied and of copying it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a model."""

    vocab: int
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    mlp: int = 512
    context: int = 1024
    """Longest document, in tokens, that the model is trained on."""
    rope_theta: float = 100_000.0

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """The inverse of `config`."""
        return cls(
            vocab=config["vocab_size"],
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            mlp=config["intermediate_size"],
            context=config["max_position_embeddings"],
            rope_theta=config["rope_parameters"]["rope_theta"],
        )

    def config(self, *, bos: int, eos: int) -> dict[str, Any]:
        """The same model as transformers' `CwmConfig` has it (keys of its `config.json`)."""
        return {
            "architectures": ["CwmForCausalLM"],
            "model_type": "cwm",
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "intermediate_size": self.mlp,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.context,
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "layer_types": ["full_attention"] * self.layers,
            "bos_token_id": bos,
            "eos_token_id": eos,
            "pad_token_id": eos,
            "dtype": "float32",
        }


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, hidden = x.shape
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = functional.linear(x, weight).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # In single precision: on a CPU, flash attention is eight times slower in half.
        q, k, v = rotate(q.float(), cos, sin), rotate(k.float(), cos, sin), v.float()
        with torch.autocast("cpu", enabled=False):
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, hidden))
        return out


class MLP(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.mlp, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.mlp, bias=False)
        self.down_proj = nn.Linear(shape.mlp, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, eps=1e-5)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, eps=1e-5)
        self.mlp = MLP(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Backbone(nn.Module):
    layers: Sequence[Layer]
    """A `ModuleList`, whose items mypy does not know."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))  # type: ignore[assignment]
        self.norm = nn.RMSNorm(shape.hidden, eps=1e-5)


class WorldModel(nn.Module):
    """Token ids [batch, length] → hidden states [batch, length, hidden]; `logits` maps those to the vocabulary."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Backbone(shape)
        angles = torch.outer(
            torch.arange(shape.context, dtype=torch.float32),
            shape.rope_theta ** (-torch.arange(0, shape.head_dim, 2, dtype=torch.float32) / shape.head_dim),
        )
        angles = torch.cat([angles, angles], dim=-1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        x = self.model.embed_tokens(ids)
        cos, sin = self.cos[:length], self.sin[:length]
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        out: Tensor = self.model.norm(x)
        return out

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        found: torch.device = self.model.embed_tokens.weight.device
        return found

    def logits(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.model.embed_tokens.weight)


def best_device() -> torch.device:
    """Where to train and to measure: a GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_products(device: torch.device) -> torch.autocast:
    """A context in which matrices are multiplied in bf16, on GPUs, and on processors that do so fast; others would take
    ten times as long."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=supported)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of [..., length, head_dim], halves paired as in Llama."""
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def initialise(model: WorldModel, seed: int) -> None:
    """Normal weights of deviation 1/sqrt(fan_in); what writes to the residual stream starts small, so that the
    embeddings, which are small too (they are tied to the logits), can be read by every layer."""
    generator = torch.Generator().manual_seed(seed)
    shape = model.shape
    for name, weight in model.named_parameters():
        if weight.dim() < 2:
            continue
        deviation = 1 / math.sqrt(shape.hidden if "embed" in name else weight.shape[1])
        if "o_proj" in name or "down_proj" in name:
            deviation *= 0.1 / math.sqrt(2 * shape.layers)
        with torch.no_grad():
            weight.normal_(0.0, deviation, generator=generator)


def grown(model: WorldModel, layers: int) -> WorldModel:
    """The same model in more layers, which may then learn to do more.

    Each added layer is a copy of the one below it that writes nothing yet (Wu et al. 2024, LLaMA Pro), so that the
    logits stay what they were.
    """
    taller = WorldModel(replace(model.shape, layers=layers))
    copied = [at * model.shape.layers // layers for at in range(layers)]
    taller.model.embed_tokens.load_state_dict(model.model.embed_tokens.state_dict())
    taller.model.norm.load_state_dict(model.model.norm.state_dict())
    for layer, source, below in zip(taller.model.layers, copied, [-1, *copied], strict=False):
        layer.load_state_dict(model.model.layers[source].state_dict())
        if source == below:
            with torch.no_grad():
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
    return taller


def seed_copying(model: WorldModel, seed: int) -> None:
    """Start two heads of layer 0 as "what stood before this token" and two of layer 1 as "what followed it last time".

    Together they are the induction circuit (Olsson et al. 2022) that copying a value needs and that otherwise takes
    millions of tokens to appear. It is a starting point only: nothing is frozen.
    """
    shape = model.shape
    size, half = shape.head_dim, shape.head_dim // 2
    theta = shape.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
    fast, slow = (theta > 0.05).float(), (theta < 0.02).float()
    # Orthonormal directions for the content that each of the two pairs of heads reads, and where the first writes it.
    # Residual dimension 0 is kept apart: it is the same for every token, which is what a head that looks at positions
    # alone needs to read (tied logits all grow by the same amount from it, which softmax ignores).
    basis, _ = torch.linalg.qr(torch.randn(shape.hidden - 1, 4 * size, generator=torch.Generator().manual_seed(seed)))
    basis = torch.cat([torch.zeros(1, 4 * size), basis])
    embedding = model.model.embed_tokens.weight
    before, after = model.model.layers[0].self_attn, model.model.layers[1].self_attn
    with torch.no_grad():
        written = basis[:, 2 * size :]
        embedding -= embedding @ written @ written.T
        embedding[:, 0] = 0.3
        for head in (0, 1):
            rows = slice(head * size, (head + 1) * size)
            read, write = basis[:, rows], basis[:, (2 + head) * size : (3 + head) * size]
            before.q_proj.weight[rows] = 0.0
            before.k_proj.weight[rows] = 0.0
            before.q_proj.weight[rows, 0] = torch.cat([fast, torch.zeros(half)])
            before.k_proj.weight[rows, 0] = torch.cat([theta.cos() * fast, theta.sin() * fast])
            before.v_proj.weight[rows] = read.T
            before.o_proj.weight[:, rows] = write / math.sqrt(shape.hidden)
            # Slow rotations alone carry the match of contents, so that it holds at any distance.
            after.q_proj.weight[rows] = MATCH * read.T * slow.repeat(2)[:, None]
            after.k_proj.weight[rows] = MATCH * write.T * slow.repeat(2)[:, None]
            after.v_proj.weight[rows] = read.T
            after.o_proj.weight[:, rows] = read * COPY
