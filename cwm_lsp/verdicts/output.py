"""Verdicts for people and for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from cwm_lsp.verdicts.verdict import Verdict

MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}


@dataclass(frozen=True)
class Summary:
    """Verdicts, counted."""

    passing: int
    failing: int
    unknown: int
    reasons: tuple[tuple[str, int], ...]
    """What was given up on, the most frequent reason first."""
    compared: int = 0
    """Decided verdicts that were held against a run."""
    wrong: int = 0

    @property
    def total(self) -> int:
        return self.passing + self.failing + self.unknown

    @property
    def decided(self) -> float:
        """The share of verdicts that are known."""
        return (self.passing + self.failing) / self.total if self.total else 0.0


def summary(verdicts: Sequence[Verdict]) -> Summary:
    words = Counter(verdict.verdict for verdict in verdicts)
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.verdict == "unknown")
    compared = [verdict for verdict in verdicts if verdict.predicted in ("pass", "fail")]
    wrong = sum(is_wrong(verdict) for verdict in verdicts)
    return Summary(
        words["pass"], words["fail"], words["unknown"], tuple(reasons.most_common()), len(compared), wrong
    )  # fmt: skip


def is_wrong(verdict: Verdict) -> bool:
    """Whether a run contradicts what was predicted."""
    return verdict.predicted in ("pass", "fail") and verdict.predicted != verdict.verdict


def junit(verdicts: Iterable[Verdict]) -> str:
    """JUnit XML, a suite for each file; what is not known is skipped, with the reason."""
    root = ElementTree.Element("testsuites", name="cwm-lsp verify")
    by_file: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_file.setdefault(verdict.path, []).append(verdict)
    for path, found in by_file.items():
        words = Counter(verdict.verdict for verdict in found)
        suite = ElementTree.SubElement(
            root, "testsuite", name=path, tests=str(len(found)), failures=str(words["fail"]), errors="0",
            skipped=str(words["unknown"]),
        )  # fmt: skip
        for verdict in found:
            *outer, name = verdict.test.removeprefix(f"{path}::").split("::")
            module = path.removesuffix(".py").replace("/", ".")
            case = ElementTree.SubElement(
                suite, "testcase", classname=".".join([module, *outer]), name=_xml(name), file=path,
                line=str(verdict.line), time="0",
            )  # fmt: skip
            if verdict.verdict == "fail":
                failure = ElementTree.SubElement(case, "failure", message=_xml(verdict.reason or "fails"))
                if verdict.expected is not None:
                    failure.text = _xml(f"expected: {verdict.expected}\nactual: {verdict.actual}")
            elif verdict.verdict == "unknown":
                ElementTree.SubElement(case, "skipped", message=_xml(f"not known: {verdict.reason}"))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _xml(text: str) -> str:
    """Without the characters that XML cannot have."""
    return "".join(char if char >= " " or char in "\t\n\r" else f"\\x{ord(char):02x}" for char in text)
