"""The kinds of parts that hints have, and how each looks in the editors.

`editor-clients/configure.py` writes what follows from it: the colours of VS Code's extension, and a table for either
client. So a new kind is a row here, and a place that makes it (`hints`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["crash", "fail", "different", "end", "guessed", "remembered", "recorded", "computed", "pass", "count"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a kind looks where the user has not said otherwise."""

    description: str
    """What is of that kind, for who chooses its colour."""
    colours: tuple[str, str, str, str]
    """VS Code's: dark, light, high contrast dark and light; a hexadecimal colour or the id of another one."""
    shape: Literal["plain", "bold", "italic"]
    link: str
    """The highlight group whose colours Neovim takes."""


def _like(colour: str) -> tuple[str, str, str, str]:
    return (colour, colour, colour, colour)


KINDS: Mapping[Kind, Look] = {
    "crash": Look("Exceptions that are certain.", _like("editorError.foreground"), "bold", "DiagnosticError"),
    "fail": Look("Doctests and assertions that do not hold.", _like("editorError.foreground"), "bold", "CwmCrash"),
    "different": Look(
        "Where a run differed from what was predicted.", _like("editorWarning.foreground"), "bold", "DiagnosticWarn"
    ),
    "end": Look("Where a prediction ends, and why.", _like("descriptionForeground"), "italic", "NonText"),
    "guessed": Look(
        "Values that the model has guessed.", ("#b39d6b", "#7d6218", "#ffe08a", "#5c4500"), "italic", "DiagnosticHint"
    ),
    "remembered": Look(
        "Values that an earlier run has shown, where they still hold.",
        ("#b394c9", "#7a4a96", "#e0b8ff", "#4f1f6b"),
        "italic",
        "Special",
    ),
    "recorded": Look(
        "Values that a run has shown.", ("#83b582", "#2f7a35", "#a6e3a1", "#11541a"), "plain", "DiagnosticOk"
    ),
    "computed": Look(
        "Values at the ends of lines that were computed from the program.",
        ("#8fa8bd", "#54708a", "#c5d8e8", "#1f3d57"),
        "plain",
        "DiagnosticInfo",
    ),
    "pass": Look("Doctests and assertions that hold.", _like("testing.iconPassed"), "plain", "DiagnosticOk"),
    "count": Look("Which of how many iterations is shown.", _like("descriptionForeground"), "plain", "CwmEnd"),
}
"""The most telling first: a line of several kinds looks as the first of them where it can have one colour only."""
