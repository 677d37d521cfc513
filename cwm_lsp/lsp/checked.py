"""What checks have found of a document: how its tests will end, which calls crash its functions.

An edit takes away what it may change. One inside a test concerns that test alone; whatever else is edited in the file
may be what any of its tests is about. A crash holds while the functions are untouched that its call enters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from cwm_lsp.lsp.anchor import TrackedSpans
from cwm_lsp.lsp.text import Edit
from cwm_lsp.search.crash import Crash
from cwm_lsp.trace.events import Outcome
from cwm_lsp.verdicts.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """A line on the way to what went wrong."""

    uri: str | None
    """Of its file; None for the document's own."""
    line: int
    """1-based, as of the text that was looked at."""
    told: str


@dataclass(slots=True)
class Test:
    """One test or example of a doctest."""

    verdict: Verdict
    anchor: TrackedSpans
    """The function that it is or stands in; the example's line outside all functions."""
    mark: int
    """1-based line, of the text that was looked at, where its mark belongs."""
    asserts: tuple[int, ...] = ()
    """Lines of the assertions that it comes to if it gets that far."""
    is_doctest: bool = False
    steps: tuple[Step, ...] = ()
    call: Mapping[str, str] | None = None
    """`function` and `call` to be predicted in its place, where there is one that does the same."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Test:
        return cls(
            Verdict.from_json(data["verdict"]),
            TrackedSpans([(data["first"], data["last"])]),
            data["mark"],
            tuple(data["asserts"]),
            data["is_doctest"],
            tuple(Step(**step) for step in data["steps"]),
            data["call"],
        )

    @property
    def name(self) -> str:
        """`test_total[row]`."""
        return self.verdict.test.removeprefix(f"{self.verdict.path}::")


@dataclass(slots=True)
class Crashing:
    """A call that crashes one of the document's functions."""

    crash: Crash
    """Its line is as of the text that was looked at."""
    steps: tuple[Step, ...]
    anchor: TrackedSpans
    confirmed: bool = False
    """A run has shown it."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any], anchor: TrackedSpans) -> Crashing:
        """`anchor`: all functions of the text that was looked at."""
        crash = Crash.from_json(data["crash"])
        steps = tuple(Step(**step) for step in data["steps"])
        return cls(crash, steps, anchor.around([crash.line, *data["entered"]]))

    @property
    def line(self) -> int:
        """Where it crashes now, 0-based."""
        return self.anchor.at(self.crash.line) or 0

    @property
    def key(self) -> tuple[int, str]:
        """One is told for each line and kind."""
        return self.line, self.crash.type

    def is_shown_by(self, recorded: Outcome) -> bool | None:
        """Whether a run of the call in the text as it is now shows the crash; None where it does not tell."""
        return replace(self.crash, line=self.line + 1).is_shown_by(recorded)


@dataclass(slots=True)
class Checked:
    """What is known of one document."""

    tests: dict[str, Test] = field(default_factory=dict)
    """By the test's id."""
    crashes: list[Crashing] = field(default_factory=list)
    reads: frozenset[str] = frozenset()
    """Files that the verdicts depend on."""
    verified: int | None = None
    """The revision of the document whose tests are all known; None if something that they depend on has changed."""
    searched: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By function, its text and how thoroughly it was searched."""
    refuted: set[tuple[str, str]] = field(default_factory=set)
    """Function's text and call of crashes that a run has not shown."""

    def follow(self, edit: Edit) -> None:
        """Take note of an edit, in the order in which they are made."""
        if edit.changes_nothing:
            return
        self.verified = None
        for test in self.tests.values():
            test.anchor.follow(edit)
        touched = [test for test in self.tests.values() if not test.anchor.alive]
        if touched and not any(test.is_doctest for test in touched):
            self.tests = {name: test for name, test in self.tests.items() if test.anchor.alive}
        else:
            self.tests.clear()
        for crash in self.crashes:
            crash.anchor.follow(edit)
        self.crashes = [crash for crash in self.crashes if crash.anchor.alive]

    def __len__(self) -> int:
        """How much is known."""
        return len(self.tests) + len(self.crashes)

    def other_changed(self, path: str, text: str) -> bool:
        """Another file has changed; whether what is known may hang on it. `text` is the document's."""
        stem = PurePath(path).parent.name if PurePath(path).stem == "__init__" else PurePath(path).stem
        is_named = path.endswith(".py") and re.search(rf"\b{re.escape(stem)}\b", text) is not None
        is_read = path in self.reads or str(PurePath(path).parent) in self.reads
        if is_named or is_read or stem == "conftest":
            self.tests.clear()
            self.crashes.clear()
            self.searched.clear()
            self.verified = None
            return True
        return False

    def add_tests(self, tests: Iterable[Test]) -> None:
        for test in tests:
            self.tests[test.verdict.test] = test

    def add_crashes(self, function: str, found: Iterable[Crashing]) -> None:
        """What the latest search of a function has found takes the place of what earlier ones did, but for what a run
        has confirmed; one is kept for each line and kind, and what is called directly counts for more."""
        kept = [crash for crash in self.crashes if crash.crash.function != function or crash.confirmed]
        keys = {crash.key for crash in kept}
        self.crashes = kept + [crash for crash in found if crash.key not in keys]
