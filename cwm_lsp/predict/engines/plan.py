"""How a model can be held in the memory at hand, worked out before any of it is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines.blocks import BLOCK

GB = 10**9

BYTES = {"none": 2.0, "int8": 1.0, "nf4": 0.5 + 1 / 64 + 4 / (64 * 256)}
"""Of one weight of a linear layer. nf4: 4 bits, a scale of 8 bits for 64 weights, one of 32 bits for 256 scales
(Dettmers et al. 2023, QLoRA, section 3)."""

UNQUANTISED = "none"
AS_STORED = "as stored"
"""Held in few bits as the checkpoint has it, and unpacked layer by layer in every pass."""

WISHED, LEAST = 8_192, 4_096
"""Tokens of context: one sliding window of CWM; what is of any use."""

PASS_TOKENS = 512
"""That one forward pass has at most."""

LOGIT_ROWS = 64
"""Positions whose logits are in 32 bits at a time."""

SCORES = 1 << 24
"""Numbers that a layer's attention scores have at most at a time, where they are written out."""

_SPARE = 2
"""Blocks of keys and values beyond what one text takes, for what it could have been instead."""

TEXTS = 4
"""Whole texts whose keys and values are kept at most."""

_LARGEST_SHARE_OFFLOADED = 0.5
"""Of the layers: past that a pass does little else than move weights."""


def draft_tokens(device: str) -> int:
    """Drafted tokens of a pass, at most. Below these a pass costs about what reading the weights costs."""
    return 64 if device == "cpu" else 256


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how much memory a checkpoint takes."""

    layers: int
    layer: int
    """Weights of the linear layers of one layer."""
    others: int
    """All other weights: embeddings, head, norms. They are never quantised."""
    full: int
    """Numbers that keys and values of one token are, in the layers that see all tokens."""
    sliding: int
    """The same in the layers with a sliding window."""
    window: int | None
    """Tokens that these see."""
    vocabulary: int
    context: int
    """Tokens that the model was made for."""
    heads: int = 1
    """Of queries, in one layer."""
    largest: int = 0
    """Weights of the largest linear layer."""
    wide: int = 0
    """Numbers that the linear layers of one layer give for a token, in all."""
    stored: float | None = None
    """Bytes of the weights, where the checkpoint itself is quantised."""

    @property
    def parameters(self) -> int:
        return self.layers * self.layer + self.others


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a model is to be held."""

    device: str
    """`cuda`, `xpu`, `mps` or `cpu`."""
    name: str
    """For a person."""
    free: float
    """Bytes that it may take there."""
    spare: float = 0.0
    """Bytes of main memory, where that is not the device's own."""
    number: float = 2.0
    """Bytes of a number that is computed with."""


@dataclass(frozen=True, slots=True)
class Room:
    """Blocks for keys and values."""

    full: int
    """In the layers that see all tokens."""
    sliding: int
    """In the layers with a sliding window."""
    block: int = BLOCK
    """Tokens of each."""

    @classmethod
    def of(cls, shape: Shape, device: str, context: int, texts: int = 1) -> Room:
        """For some texts of `context` tokens. Sliding layers keep their window, what a draft that is wrong is cut back
        by, and what a pass adds."""
        full = texts * ceil(context / BLOCK) + _SPARE
        if not shape.window:
            return cls(full, 0)
        kept = min(context, shape.window - 1 + draft_tokens(device) + PASS_TOKENS + 2 * (BLOCK - 1))
        return cls(full if shape.full else 0, texts * ceil(kept / BLOCK) + _SPARE)

    def bytes(self, shape: Shape, number: float) -> float:
        """That it takes, with numbers of so many bytes."""
        return self.block * number * (self.full * shape.full + self.sliding * shape.sliding)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is held. Sizes in bytes."""

    quantization: str
    offloaded: int
    """The last layers, which wait in main memory, unquantised, and go to the device for every pass."""
    context: int
    """Tokens that a text may have."""
    room: Room
    weights: float
    """On the device."""
    moved: float
    """In main memory."""
    key_values: float
    work: float
    """For what a pass computes."""

    @property
    def needed(self) -> float:
        """On the device."""
        return self.weights + self.key_values + self.work

    def __str__(self) -> str:
        how = "unquantised" if self.quantization == UNQUANTISED else self.quantization
        if self.offloaded:
            how += f" with {self.offloaded} layers ({self.moved / GB:.1f} GB) in main memory"
        return (
            f"{how} takes {self.needed / GB:.1f} GB (weights {self.weights / GB:.1f}, keys and values of "
            f"{self.context:,} tokens {self.key_values / GB:.1f}, work {self.work / GB:.1f})"
        )


def plan(shape: Shape, machine: Machine, quantization: str, available: Collection[str]) -> Plan:
    """How a model is to be held: with `quantization`, or for `auto` as precisely as there is room for, first with the
    context wished for, then with less, then with layers offloaded. `available`: quantisations whose packages are here.

    Raises:
        UnavailableError: not at all; the message says what it takes and what would do.
    """
    methods = [AS_STORED] if shape.stored else [UNQUANTISED, *available] if quantization == "auto" else [quantization]
    for context in (WISHED, LEAST):
        for method in methods:
            if found := fitting(shape, machine, method, context):
                return found
    for method in reversed(() if shape.stored else methods):
        if found := fitting(shape, machine, method, LEAST, offload=True):
            return found
    least = min((_held(shape, machine, method, LEAST, 0) for method in methods), key=lambda p: p.needed)
    raise UnavailableError(
        f"{least}, and {machine.free / GB:.1f} GB are free on {machine.name}: "
        f"{_instead(shape, machine, quantization, available)}"
    )


def _instead(shape: Shape, machine: Machine, quantization: str, available: Collection[str]) -> str:
    """What would do."""
    others = [method for method in BYTES if method != quantization]
    checkpoint = "the unquantised checkpoint with " if shape.stored else ""
    for offload in (False, True):
        for method in others:
            if found := fitting(shape, machine, method, LEAST, offload=offload):
                layers = f" with {found.offloaded} layers in main memory" if offload else ""
                package = "" if method in (UNQUANTISED, *available) else " (pip install 'cwm-lsp[quantized]')"
                return (
                    f"use {checkpoint}--quantization {method}{package}{layers}, or a server (--model http://host:port)"
                )
    return "use a server (--model http://host:port), or a machine with more memory"


def fitting(shape: Shape, machine: Machine, method: str, context: int, *, offload: bool = False) -> Plan | None:
    """The plan by one method that has `context` tokens and fits, with as much more context as there is room for, and
    then with room for more texts."""
    for offloaded in range(1, int(shape.layers * _LARGEST_SHARE_OFFLOADED) + 1) if offload else (0,):
        held = _held(shape, machine, method, context, offloaded)
        if not (held.needed <= machine.free and held.moved <= machine.spare):
            continue
        few, many = held.context // BLOCK, shape.context // BLOCK
        while few < many:
            middle = (few + many + 1) // 2
            longer = _held(shape, machine, method, middle * BLOCK, offloaded)
            few, many = (middle, many) if longer.needed <= machine.free else (few, middle - 1)
        if few * BLOCK > held.context:
            held = _held(shape, machine, method, few * BLOCK, offloaded)
        for texts in range(2, TEXTS + 1) if held.context == shape.context else ():
            more = _held(shape, machine, method, held.context, offloaded, texts)
            held = more if more.needed <= machine.free else held
        return held
    return None


def _held(shape: Shape, machine: Machine, method: str, context: int, offloaded: int, texts: int = 1) -> Plan:
    """What it takes to hold a model so, whether it fits or not."""
    context = min(context, shape.context)
    full_layer = shape.layer * machine.number
    if method == AS_STORED:
        assert shape.stored is not None
        weights = shape.stored
    else:
        weight = machine.number if method == UNQUANTISED else BYTES[method]
        weights = (shape.layers - offloaded) * shape.layer * weight + shape.others * machine.number
    room = Room.of(shape, machine.device, context, texts)
    return Plan(
        method,
        offloaded,
        context,
        room,
        weights,
        offloaded * full_layer,
        room.bytes(shape, machine.number),
        _work(shape, machine, method, offloaded=bool(offloaded)),
    )


def _work(shape: Shape, machine: Machine, method: str, *, offloaded: bool) -> float:
    """Bytes that a pass computes with beside weights, keys and values."""
    activations = 1.5 * PASS_TOKENS * shape.wide * machine.number
    scores = 2 * 4 * max(SCORES, shape.heads * PASS_TOKENS**2)
    logits = shape.vocabulary * (PASS_TOKENS * machine.number + 3 * 4 * LOGIT_ROWS)
    # Weights in few bits are written out in 16, matrix by matrix or layer by layer, for all but short passes.
    written_out = shape.layer if offloaded or method == AS_STORED else shape.largest if method == "nf4" else 0
    library = 0.0 if machine.device == "cpu" else 0.5 * GB
    return activations + scores + logits + written_out * machine.number + library
