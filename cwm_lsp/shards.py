"""Work that is split over several machines, as CI does it, and its results, which are joined."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cwm_lsp.errors import UserError

Item = TypeVar("Item")


def part(items: Sequence[Item], shard: str | None) -> list[Item]:
    """The I-th of N parts, for `I/N`; all for None.

    Raises:
        UserError: it is not of that form.
    """
    if shard is None:
        return list(items)
    number, _, of = shard.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise UserError(f"--shard {shard} is not I/N, such as 1/4")
    return list(items[int(number) - 1 :: int(of)])


def merged(paths: Sequence[Path], command: str) -> Iterator[dict[str, Any]]:
    """The rows that runs of a command have written with `--json`.

    Raises:
        UserError: a file has something else.
    """
    for path in paths:
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise TypeError("not an object")
                yield row
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path} is no result of cwm-lsp {command} --json: {error}") from error
