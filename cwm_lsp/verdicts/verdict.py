"""What is said of one test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Word = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A test and how it will end. Skipped tests and expected failures pass: the reason says so."""

    path: str
    """As it was asked for."""
    line: int
    """1-based, where the test is written."""
    test: str
    """A pytest node id, or `file.py::function::doctest:LINE`."""
    verdict: Word
    reason: str = ""
    """Of `unknown`: what is not known. Of `fail`: what is raised. Of `pass`: why it is not performed, if so."""
    expected: str | None = None
    actual: str | None = None
    at: int | None = None
    """The line of the file that fails."""
    predicted: Word | None = None
    """What the verdict was before the test was run; None where it was not."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        return cls(**data)
