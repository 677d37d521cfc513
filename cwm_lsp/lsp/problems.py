"""What the codes of our diagnostics mean, and the page that tells a person (`docs/problems.md`).

python -m cwm_lsp.lsp.problems > docs/problems.md
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lsprotocol import types as lsp

import cwm_lsp


@dataclass(frozen=True, slots=True)
class Problem:
    """One code of diagnostics."""

    title: str
    means: str
    act: str


PROBLEMS = {
    "computed-exception": Problem(
        "The call at hand crashes",
        "The call in the lens, or in the message, was computed, and this exception leaves it. Nothing was run. The "
        "related places are the calls that lead here.",
        "*Show Trace* has the way there, *Debug the Prediction* steps through it, also back; *Predict Then Run* shows "
        "whether the program does it. Where an edit is known that mends it, it is a quick fix.",
    ),
    "likely-exception": Problem(
        "The call at hand may crash",
        "The same, but something on the way is the model's guess; the chance is that of the whole way. Shown only with "
        "the setting `diagnostics.guesses`.",
        "*Predict Then Run* tells.",
    ),
    "exception": Problem(
        "The run crashed",
        "A real run of the call ended by this exception, and it had not been computed to.",
        "*Show Trace* has the run beside the prediction.",
    ),
    "endless-loop": Problem(
        "The call never ends",
        "The whole state at the head of this loop comes back to one that was there before, so that it goes round for "
        "ever. That is proved for this call, not measured.",
        "Look at what should change from round to round: the message says after how many the state returns.",
    ),
    "crash": Problem(
        "Some call crashes",
        "A call that nobody wrote, within the function's hints, was found on which it crashes or never ends. It is "
        "computed, and made as small as could be.",
        "*Run … and compare* confirms it or takes it away, *Insert as a test* keeps it, *Ignore here* writes "
        "`# cwm: ignore` on the line. `crashes.enable` turns the search off.",
    ),
    "expectation": Problem(
        "A doctest or an assertion does not hold",
        "What is written down as expected differs from what the call was computed to do.",
        "Either may be wrong; a quick fix, where one is known, mends the function.",
    ),
    "test": Problem(
        "A test likely fails",
        "The test was computed, and does not come to its end; the message has both values where it compares two.",
        "*Show Trace* leads to the failing value; *Run* on the mark runs the test itself.",
    ),
    "divergence-value": Problem(
        "A value differs from what was computed",
        "The run had another value here than was computed from the program: the world is not as the program says (a "
        "file, a patch, another version of a package), or cwm-lsp is wrong.",
        "*Show Trace* has both. If the program was the same in both, please report it: `computed` is a promise.",
    ),
    "divergence-return": Problem(
        "Another value was returned than computed", "As *divergence-value*, for what a function returns.", "The same."
    ),
    "divergence-exception": Problem(
        "It ended otherwise than computed",
        "As *divergence-value*: an exception was raised that had not been computed, or none, or another one.",
        "The same.",
    ),
    "divergence-control-flow": Problem(
        "The run took another way than computed",
        "As *divergence-value*, for the next line. What follows from it is not told again.",
        "The same.",
    ),
    "divergence-guess": Problem(
        "Where the guesses begin to differ",
        "The run and what the model had guessed part here. A miss of the model is no fault of the program: this is a "
        "hint, once, with all that follows folded under it.",
        "Nothing. From now on the run's values are remembered (`↺`).",
    ),
    "divergence-live": Problem(
        "The debugger stopped elsewhere than predicted",
        "Your own debug session stopped in a state that is not the predicted one.",
        "The hover has both values.",
    ),
    "not-run": Problem(
        "The file cannot be run as it is",
        "A run was asked for, and the file does not parse at this line.",
        "Mend the line, and run again.",
    ),
}
"""Code → what it means."""


@cache
def page() -> Path | None:
    """The page in this installation; None where it is in none."""
    package = Path(cwm_lsp.__file__).parent
    pages = (folder / "docs" / "problems.md" for folder in (package, package.parent))
    return next((path for path in pages if path.is_file()), None)


def description(code: str) -> lsp.CodeDescription | None:
    """Where an editor finds what a code means."""
    where = page()
    return None if where is None else lsp.CodeDescription(f"{where.as_uri()}#{code}")


def reference() -> str:
    """The page, in Markdown."""
    parts = [f"## {code}\n\n**{one.title}.** {one.means}\n\n{one.act}\n" for code, one in PROBLEMS.items()]
    return _REFERENCE + "\n".join(parts)


_REFERENCE = """\
# Problems

What the codes of cwm-lsp's diagnostics mean; editors that can link a code to this page do. Generated from
`cwm_lsp/lsp/problems.py` by `python -m cwm_lsp.lsp.problems`.

Unasked, only what is computed is told. Which are told at all, and how loud, is set by `diagnostics.*` and `crashes.*`
([settings](settings.md)).

"""

if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201
