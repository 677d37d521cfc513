"""How a debugger starts one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cwm_lsp.lsp import launched
from cwm_lsp.source.environment import layout


def configuration(path: Path, source: str, call: str, python: str | None) -> dict[str, Any]:
    """A launch configuration of debugpy. `path` is absolute; `python` the interpreter, None for the client's choice."""
    place = layout(path, source)
    return {
        "type": "debugpy",
        "request": "launch",
        "name": call,
        "program": launched.__file__,
        "args": [str(path), place.module, call, *place.sys_path],
        "cwd": str(place.root),
        "rules": [{"path": launched.__file__, "include": False}],  # no frames but the user's in the call stack
        **({"python": python} if python is not None else {}),
    }
