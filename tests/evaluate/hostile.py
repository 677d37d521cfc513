"""Functions that cost whoever evaluates them a machine, each in another way.

`hostile.txt` has them, one a line: its name, what the file imports, the body.
"""

from __future__ import annotations

from pathlib import Path


def _source(imports: str, body: str) -> str:
    head = imports.replace("\\n", "\n") + "\n\n" if imports else ""
    indented = body.replace("\\n    ", "\n    ")  # any other backslash is the program's own
    return f"{head}def f():\n    {indented}\n"


_ROWS = [
    [part.strip() for part in line.split("|", 2)]
    for line in (Path(__file__).parent / "hostile.txt").read_text(encoding="utf-8").splitlines()
]
CASES: dict[str, str] = {name: _source(imports, body) for name, imports, body in _ROWS}
"""Name → source of a function `f` without parameters."""
