"""Code actions: what can be done with the function at the cursor, a test there, and a crash that was found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.marks import marks
from cwm_lsp.lsp.repairing import repair_actions
from cwm_lsp.lsp.views.shorten import shorten_call
from cwm_lsp.search.crash import NEVER_ENDS

if TYPE_CHECKING:
    from cwm_lsp.lsp.checked import Crashing, Test
    from cwm_lsp.lsp.documents import Document
    from cwm_lsp.lsp.outline import Entry
    from cwm_lsp.lsp.session import Session

WHAT_IF = "cwm.whatIf"
"""The command of a client that asks for another value of a variable, and debugs what comes of it."""
IGNORE = "# cwm: ignore"
_CALL = 40
"""Characters of a call in a title."""


def code_actions(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What can be done where a range begins."""
    document = session.documents.get(params.text_document.uri)
    if document is None or not document.settings.enable:
        return []
    lines = range(params.range.start.line, params.range.end.line + 1)
    found: list[lsp.CodeAction] = []
    for crash in document.checked.crashes:
        if crash.line in lines:
            found += _of_crash(session, document, crash)
    found += [
        _ignored(document, line)
        for line in dict.fromkeys(one.line for one in document.checked.crashes)
        if line in lines
    ]
    names = [mark.data.get("test") for mark in marks(session, document) if mark.line in lines]
    for name in dict.fromkeys(names):
        if name in document.checked.tests:
            found += _of_test(session, document, document.checked.tests[name])
    return [*found, *repair_actions(document, params), *_of_function(session, document, lines.start)]


def _of_crash(session: Session, document: Document, one: Crashing) -> Iterator[lsp.CodeAction]:
    call = shorten_call(one.crash.call, _CALL)
    target = {"uri": document.uri, "function": one.crash.function, "call": one.crash.call}
    if session.configuration.trusted:
        yield _fix(f"Run {call} and compare", "cwm.confirmCrash", target)
    if one.crash.type != NEVER_ENDS:
        yield _fix(
            f"Insert as a test: {call} raises {one.crash.type}", "cwm.insertTest", {**target, "expect": "raises"}
        )
        yield _fix(f"Insert as a test: {call} is expected to fail", "cwm.insertTest", {**target, "expect": "xfail"})
    if session.client.knows_command("cwm.debugPrediction"):
        yield _fix(f"Debug the prediction of {call}", "cwm.debugPrediction", target)
    yield _fix(f"Show the trace of {call}", "cwm.showTrace", target)
    if session.client.knows_command("cwm.copyCall"):
        yield _fix(f"Copy {call}", "cwm.copyCall", target)


def _ignored(document: Document, line: int) -> lsp.CodeAction:
    end = document.text.end_of(line)
    edit = lsp.TextEdit(lsp.Range(end, end), f"  {IGNORE}")
    return lsp.CodeAction(
        "Ignore what crashes here", lsp.CodeActionKind.QuickFix, edit=lsp.WorkspaceEdit({document.uri: [edit]})
    )


def _of_test(session: Session, document: Document, test: Test) -> Iterator[lsp.CodeAction]:
    if session.configuration.trusted:
        about = {"uri": document.uri, "tests": [test.verdict.test]}
        yield _fix(f"Run {test.name}", "cwm.runTests", about)
    if test.call is not None:
        target = {"uri": document.uri, **test.call}
        call = shorten_call(test.call["call"], _CALL)
        if session.client.knows_command("cwm.debugPrediction"):
            yield _fix(f"Debug the prediction of {call}", "cwm.debugPrediction", target)
        yield _fix(f"Show the trace of {call}", "cwm.showTrace", target)


def _fix(title: str, command: str, argument: dict[str, Any]) -> lsp.CodeAction:
    what = lsp.Command(title, command, arguments=[argument])
    return lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, command=what)


def _of_function(session: Session, document: Document, line: int) -> list[lsp.CodeAction]:
    entry = document.entry_at(line)
    if entry is None:
        return []
    argument = {"uri": document.uri, "function": entry.qualname}
    choices = [(f"Predict {entry.name}", "cwm.predict")]
    if session.configuration.trusted:
        choices.append((f"Predict {entry.name}, then run it", "cwm.predictThenRun"))
    if entry.qualname in document.known:
        choices += [(f"Show the trace of {entry.name}", "cwm.showTrace"), (f"Clear {entry.name}", "cwm.clear")]
    kind = lsp.CodeActionKind(lsp.CodeActionKind.Source)
    actions = [
        lsp.CodeAction(title, kind, command=lsp.Command(title, command, arguments=[argument]))
        for title, command in choices
    ]
    if session.client.knows_command(WHAT_IF):
        for name in _variables(document, entry, line):
            title = f"What if {name} = …"
            where = {**argument, "position": {"line": line, "character": 0}, "name": name}
            actions.append(lsp.CodeAction(title, kind, command=lsp.Command(title, WHAT_IF, arguments=[where])))
    return actions


def _variables(document: Document, entry: Entry, line: int) -> list[str]:
    """The variables that a 0-based line mentions and that are there when the predicted call first comes to it."""
    known = document.known.get(entry.qualname)
    if known is None or known.predicted is None:
        return []
    events = (event for event in known.predicted.trace.events if event.kind == "line" and event.path is None)
    first = next((event for event in events if known.anchor.at(event.line) == line), None)
    if first is None:
        return []
    words = set(re.findall(r"\w+", document.text.line(line)))
    return [name for name in first.locals if name in words and name.isidentifier()]
