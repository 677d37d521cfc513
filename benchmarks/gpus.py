"""What CWM-32B should do on GPUs, computed from their data sheets. Nothing here was measured on a GPU.

    python benchmarks/gpus.py [--passes N]

A forward pass takes as long as the slower of two things: reading what it reads from the GPU's memory, and its
arithmetic, 2 operations for each parameter and token; both at the shares of the data sheet's rates that are usual.
bitsandbytes has kernels that multiply 4-bit weights with a few tokens directly, up to a number that depends on the GPU
and the matrix; for more it writes the weights out in 16 bits first. Attention is left out: within a window of 8,192
tokens it is some percent.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from cwm_lsp.predict.engines import plan
from cwm_lsp.predict.engines.loading import shape_of

OF_BANDWIDTH, OF_ARITHMETIC = 0.7, 0.5
"""Shares of the data sheet's rates."""


@dataclass(frozen=True)
class GPU:
    """As the maker's data sheet has it."""

    name: str
    gigabytes: float
    bandwidth: float
    """Bytes a second."""
    arithmetic: float
    """Operations a second on dense 16-bit matrices, added in 32 bits."""
    fused: tuple[int, int, int]
    """Tokens up to which bitsandbytes 0.50 multiplies 4-bit weights as they are: of the gate and up projections, of the
    down projection, of the others (as its `_gemm_4bit_use_custom_cuda` has it)."""


GPUS = (
    GPU("24 GB (RTX 4090)", 25.7, 1.01e12, 165e12, (128, 64, 8)),
    GPU("80 GB (H100 SXM)", 85.0, 3.35e12, 989e12, (48, 4, 4)),
)


def seconds(gpu: GPU, shape: plan.Shape, held: plan.Plan, tokens: int) -> float:
    """Of a forward pass over some tokens."""
    moved = held.weights
    if held.quantization == "nf4":
        matrices = (2 * shape.largest, shape.largest, shape.layer - 3 * shape.largest)
        written_out = sum(weights for weights, most in zip(matrices, gpu.fused, strict=True) if tokens > most)
        moved += 2 * 2 * shape.layers * written_out
    arithmetic = 2 * shape.parameters * tokens
    return max(moved / (OF_BANDWIDTH * gpu.bandwidth), arithmetic / (OF_ARITHMETIC * gpu.arithmetic))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passes", type=float, default=1.0, metavar="N", help="forward passes an event")
    arguments = parser.parse_args()
    from transformers import CwmConfig

    shape = shape_of(CwmConfig())  # the defaults are those of CWM-32B
    draft = plan.draft_tokens("cuda")
    head = f"one token | 32 tokens | {draft} tokens | reading | at {arguments.passes:g} passes an event"
    print(f"| computed | held as | context | {head} |")
    print("|---|---|---|---|---|---|---|---|")
    for gpu in GPUS:
        machine = plan.Machine("cuda", gpu.name, 0.95 * gpu.gigabytes * plan.GB)
        for method in ("none", "nf4"):
            if not (held := plan.fitting(shape, machine, method, plan.LEAST)):
                continue
            one, some, many = (seconds(gpu, shape, held, tokens) for tokens in (1, 32, draft))
            part = plan.PASS_TOKENS
            best, reading = max(1 / some, 1 / many), part / seconds(gpu, shape, held, part)
            print(
                f"| {gpu.name} | {method}, {held.weights / plan.GB:.1f} GB | {held.context:,} | {1000 * one:.0f} ms "
                f"| {1000 * some:.0f} ms | {1000 * many:.0f} ms | {reading:,.0f} tokens/s "
                f"| {best / arguments.passes:.1f} events/s |"
            )


if __name__ == "__main__":
    main()
