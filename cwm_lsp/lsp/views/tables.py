"""Arrays and tables, read off their reprs: type, shape and names instead of columns of digits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cwm_lsp.lsp.views.container import Container

_ARRAY = re.compile(r"(array|tensor|Array)\(")
_FLOATS = {"array": "float64", "tensor": "float32", "Array": "float32"}
"""What an array of fractions is that does not say it."""
_ROWS = re.compile(r"\n\n?\[(\d+) rows x (\d+) columns\]$")
_SERIES = re.compile(r"\n(?:(?:Freq|Name): .*?, )?(?:Length: (\d+), )?dtype: (\S+?)$")
_POLARS = re.compile(r"shape: \((\d+), (\d+)\)\n┌")


@dataclass(frozen=True, slots=True)
class Table:
    """What is told of an array or a table: `float64 (2, 3)`, and what it holds, as far as there is room."""

    head: str
    body: str
    """A list or a sequence of names, to be shortened; may be empty."""

    @classmethod
    def of(cls, value: str) -> Table | None:
        """None for the repr of anything else."""
        if _ARRAY.match(value):
            return _array(value)
        if "\n" not in value:
            return None
        return _polars(value) or _series(value) or _frame(value)


def _array(value: str) -> Table | None:
    # Columns are padded, also in lists that are shown on a line.
    text = re.sub(r"\s*\n\s*", " ", value)
    made = Container.of(text if "'" in value else re.sub(r"(?<=\[) +| +(?= )", "", text))
    if made is None or not made.items or not made.items[0].startswith("["):
        return None
    body, *told = made.items
    said = {name: text for name, _, text in (item.partition("=") for item in told)}
    shape = said.get("shape") or _shape(body)
    kind = said["dtype"].strip("'\"").rpartition(".")[2] if "dtype" in said else _kind(body, made.prefix[:-1])
    return Table(f"{kind} {shape}" if shape else f"{kind} array", body)


def _shape(body: str) -> str | None:
    """`(2, 3)` of `[[1, 2, 3], [4, 5, 6]]`; None where items are left out."""
    counts: list[int] = []
    while body.startswith("["):
        inner = Container.of(body)
        if inner is None or "..." in inner.items:
            return None
        counts.append(len(inner.items))
        if not inner.items:
            break
        body = inner.items[0]
    return f"({counts[0]},)" if len(counts) == 1 else f"({', '.join(map(str, counts))})"


def _kind(body: str, name: str) -> str:
    leaves = re.findall(r"[^\s\[\],]+", body)
    if all(leaf in ("True", "False", "...") for leaf in leaves):
        return "bool"
    if any(leaf.endswith("j") for leaf in leaves):
        return "complex128"
    return "int64" if all(re.fullmatch(r"-?\d+|\.\.\.", leaf) for leaf in leaves) else _FLOATS[name]


def _frame(value: str) -> Table | None:
    """A DataFrame of pandas: a line of names over lines that are as long, and where rows are left out, how many."""
    size = _ROWS.search(value)
    lines = (value[: size.start()] if size else value).split("\n")
    if not lines[0].startswith("  ") or len({len(line) for line in lines}) > 1 or "\\" in lines[0]:
        return None
    names = [name for name in re.split(r"\s{2,}", lines[0].strip()) if name != "..."]
    rows, columns = size.groups() if size else (str(len(lines) - 1), str(len(names)))
    return Table(f"DataFrame {rows} × {columns}:", ", ".join(names)) if any(names) else None


def _series(value: str) -> Table | None:
    told = _SERIES.search(value)
    if told is None:
        return None
    lines = value[: told.start()].split("\n")
    values = [line.split()[-1] for line in lines if line.strip()]
    count = told[1] or str(len(values))
    shown = ["…" if set(each) == {"."} else each for each in values]
    return Table(f"Series {count} {told[2]}", f"[{', '.join(shown)}]")


def _polars(value: str) -> Table | None:
    size = _POLARS.match(value)
    if size is None:
        return None
    header = value.split("\n")[2].strip("│ ")
    return Table(f"DataFrame {size[1]} × {size[2]}:", ", ".join(name.strip() for name in header.split("┆")))
