"""Which model is run, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BUNDLED = "bundled"

Quantization = Literal["auto", "none", "int8", "nf4"]
Device = Literal["auto", "cpu", "cuda", "xpu", "mps"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is run. All but the name is of use to some engines only."""

    name: str = BUNDLED
    """`bundled`, a folder, a hub id, the URL of a server: `http://host:port[/v1][#model]`, or `vllm:` with a folder or
    hub id, for which a server is started."""
    quantization: Quantization = "auto"
    device: Device = "auto"
    memory: float | None = None
    """GB of the device that the model may take."""
    server_python: str | None = None
    """The interpreter of an environment with vLLM."""
    tokenizer: str | None = None
    """A folder or hub id, where a server does not name it."""
    timeout: float = 30.0
    """Seconds that a server may take for one answer."""
    warn_public: bool = False
    """Log a warning where a server has no private address."""
