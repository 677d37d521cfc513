"""Annotated programs: small programs with what each line does beside it (`programs/*.md`, one file a feature).

    python -m tests.annotated [FILE ...]     write the annotations anew, from what the evaluator says

A program is a block of Python under a heading. Its last statement is the call, after whose `# of` stands the function
that is meant, where the call does not begin with its name. What follows `#>` is no part of the program: it tells what
the line did each time that it was run (` | ` between the times, `-` for nothing): the locals that it bound or changed,
`→` what it returned or yielded, what it raised; beside the `def` of a function its arguments, beside the call how it
ends. `?` is what is not known, and `not known` stands where the trace ends early. Long ones are cut (`…`).
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cwm_lsp.trace.effects import steps
from cwm_lsp.trace.events import Event
from tests.evaluate.recording import UNSURE, Evaluated, clean, evaluate

FOLDER = Path(__file__).parent / "programs"
BLOCK = re.compile(
    r"^## (?P<title>.+)\n(?P<prose>(?:(?!## |```).*\n)*)```python\n(?P<body>(?:(?!```).*\n)*)```\n", re.M
)
NOTE = re.compile(r"(?:^|  )#> .*$", re.M)
OF = re.compile(r"  # of (\S+)$")
RAISED = re.compile(r"\(<class '(?:\w+\.)*?(\w+)'>, (.*), <traceback object>\)", re.S)
LIBRARY = str(Path(ast.__file__).parent)
LONGEST = 100
"""Characters of an annotation."""


@dataclass(frozen=True)
class Program:
    """A program, the call of it that is traced, and what is written beside its lines."""

    title: str
    source: str
    call: str
    function: str
    body: str
    """Source and call as they stand in the file, with the annotations."""

    @property
    def known(self) -> bool:
        """Nothing of its trace is written down as unknown."""
        return not re.search(r"#> .*(?:\?|not known)", self.body)


def programs(file: str) -> dict[str, Program]:
    """Title → program, of `programs/<file>.md`."""
    found = (
        _read(match["title"], match["body"]) for match in BLOCK.finditer((FOLDER / f"{file}.md").read_text("utf-8"))
    )
    return {program.title: program for program in found}


def features() -> list[str]:
    """The names of the files, without their suffix."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def annotated(program: Program, evaluated: Evaluated) -> str:
    """The body of a program with what an evaluation says of it beside its lines."""
    lines = NOTE.sub("", program.body).splitlines()
    notes = {line: _cut(" | ".join(texts)) for line, texts in _notes(program, evaluated).items() if any(_told(texts))}
    notes[len(lines)] = _ending(evaluated)
    return "".join(
        f"{line}  #> {notes[number]}\n" if number in notes else f"{line}\n" for number, line in enumerate(lines, 1)
    )


def _read(title: str, body: str) -> Program:
    text = NOTE.sub("", body)
    call = ast.parse(text).body[-1]
    assert isinstance(call, ast.Expr), f"{title}: its last statement is no call"
    last = text.splitlines()[-1]
    named = OF.search(last)
    source = "".join(text.splitlines(keepends=True)[: call.lineno - 1]).rstrip("\n") + "\n"
    written = OF.sub("", last)
    return Program(title, source, written, named[1] if named else written.partition("(")[0], body)


def _told(texts: Iterable[str]) -> Iterable[bool]:
    return (text != "-" for text in texts)


def _notes(program: Program, evaluated: Evaluated) -> dict[int, list[str]]:
    """Line → what was done by each step on it."""
    events = evaluated.events
    definitions = {
        line
        for node in ast.walk(ast.parse(program.source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in (node.lineno, *(decorator.lineno for decorator in node.decorator_list))
    }
    notes: dict[int, list[str]] = defaultdict(list)
    for step in steps(events):
        line = step.event.line
        if step.event.kind == "line" or (line in definitions and step.produced):
            notes[line].append(_effect(step.produced, step.effect, step.end, events))
    if (evaluated.gave_up is not None or evaluated.asked_at is not None) and events:
        line = events[-1].line
        notes[line] = [*notes[line][:-1], "not known"]
    return notes


def _effect(produced: Iterable[str], effect: int | None, end: int | None, events: Sequence[Event]) -> str:
    if end is not None:
        return _value(events[end])
    if effect is None:
        return "-"
    event = events[effect]
    return ", ".join(
        f"{name} = {'?' if event.provenance.get(name) in UNSURE else clean(event.locals[name])}" for name in produced
    ) or "-"  # fmt: skip


def _value(event: Event) -> str:
    text = "?" if event.provenance.get("value") in UNSURE else clean(event.value or "")
    if event.kind == "return":
        return f"→ {text}"
    raised = RAISED.fullmatch(text)
    return f"raises {raised[2] if raised else text}"


def _ending(evaluated: Evaluated) -> str:
    outcome = evaluated.evaluation.outcome
    if evaluated.gave_up is not None or evaluated.asked_at is not None or outcome is None or not evaluated.events:
        return "not known"
    if outcome.exception is not None:
        return _cut(f"raises {outcome.exception.type}: {clean(outcome.exception.message)}")
    if outcome.kind != "return":
        return outcome.kind
    return _cut(f"→ {'?' if evaluated.events[-1].provenance.get('value') in UNSURE else clean(outcome.value or '')}")


def _cut(text: str) -> str:
    text = text.replace(LIBRARY, "LIBRARY").replace("\n", "\\n")
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def write(file: str) -> None:
    """Write the annotations of a file anew."""
    path = FOLDER / f"{file}.md"

    def anew(match: re.Match[str]) -> str:
        program = _read(match["title"], match["body"])
        body = annotated(program, evaluate(program.source, program.call, program.function))
        return match[0].replace(f"```python\n{match['body']}```", f"```python\n{body}```")

    path.write_text(BLOCK.sub(anew, path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or features():
        write(Path(name).stem)
