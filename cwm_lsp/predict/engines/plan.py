"""How a model can be held in the memory at hand, worked out before any of it is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cwm_lsp.errors import UnavailableError

GB = 10**9

BYTES = {"none": 2.0, "int8": 1.0, "nf4": 0.5 + 1 / 64 + 4 / (64 * 256)}
"""Of one weight of a linear layer. nf4: 4 bits, a scale of 8 bits for 64 weights, one of 32 bits for 256 scales
(Dettmers et al. 2023, QLoRA, section 3)."""

UNQUANTISED = "none"
AS_STORED = "as stored"
"""Held in few bits as the checkpoint has it, and unpacked layer by layer in every pass."""

WISHED, LEAST = 8_192, 4_096
"""Tokens of context: one sliding window of CWM; what is of any use."""

PASS_TOKENS = {"cpu": 512, "cuda": 512, "mps": 512}
"""That one forward pass has at most, by device."""

_COPIES = 3
"""Keys and values that exist at a time: those of the text, their copy while a pass makes them longer, and the last
text's."""

_LARGEST_SHARE_OFFLOADED = 0.5
"""Of the layers: past that a pass does little else than move weights."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how much memory a checkpoint takes."""

    layers: int
    layer: int
    """Weights of the linear layers of one layer."""
    others: int
    """All other weights: embeddings, head, norms. They are never quantised."""
    key_value: int
    """Numbers that keys and values of one token are, in all layers. Tokens outside a sliding window are kept too."""
    vocabulary: int
    context: int
    """Tokens that the model was made for."""
    stored: float | None = None
    """Bytes of the weights, where the checkpoint itself is quantised."""

    @property
    def parameters(self) -> int:
        return self.layers * self.layer + self.others


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a model is to be held."""

    device: str
    """`cuda`, `mps` or `cpu`."""
    name: str
    """For a person."""
    free: float
    """Bytes that it may take there."""
    spare: float = 0.0
    """Bytes of main memory, where that is not the device's own."""
    number: float = 2.0
    """Bytes of a number that is computed with."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is held. Sizes in bytes."""

    quantization: str
    offloaded: int
    """The last layers, which wait in main memory, unquantised, and go to the device for every pass."""
    context: int
    """Tokens that a text may have."""
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
    """The plan by one method that has `context` tokens and fits, with as much more context as there is room for."""
    for offloaded in range(1, int(shape.layers * _LARGEST_SHARE_OFFLOADED) + 1) if offload else (0,):
        held = _held(shape, machine, method, context, offloaded)
        if held.needed <= machine.free and held.moved <= machine.spare:
            room = machine.free - held.weights - held.work
            longest = int(room / (_COPIES * shape.key_value * machine.number))
            return _held(shape, machine, method, longest, offloaded)
    return None


def _held(shape: Shape, machine: Machine, method: str, context: int, offloaded: int) -> Plan:
    """What it takes to hold a model so, whether it fits or not."""
    context = min(context, shape.context)
    full_layer = shape.layer * machine.number
    if method == AS_STORED:
        assert shape.stored is not None
        weights = shape.stored
    else:
        weight = machine.number if method == UNQUANTISED else BYTES[method]
        weights = (shape.layers - offloaded) * shape.layer * weight + shape.others * machine.number
    passing = full_layer if offloaded or method == AS_STORED else 0.0
    # Logits of a pass as they are and in 32 bits, their sorted copies; the CUDA libraries' own.
    logits = PASS_TOKENS[machine.device] * shape.vocabulary * (machine.number + 8)
    library = 0.5 * GB if machine.device == "cuda" else 0.0
    return Plan(
        method,
        offloaded,
        context,
        weights,
        offloaded * full_layer,
        _COPIES * context * shape.key_value * machine.number,
        logits + passing + library,
    )
