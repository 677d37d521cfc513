"""Requests beyond the protocol, for clients that know them. Each takes a `Target`, as commands do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pygls.uris import from_fs_path

from cwm_lsp.errors import UserError
from cwm_lsp.lsp.answers import hints_of
from cwm_lsp.lsp.commands import Target, call_of, function_of, verdict_row
from cwm_lsp.lsp.launch import configuration
from cwm_lsp.lsp.session import Session
from cwm_lsp.lsp.shown import owners, shown
from cwm_lsp.lsp.views import status as status_view
from cwm_lsp.lsp.views.diagnostics import message_of
from cwm_lsp.source.flow import Flow

Answer = dict[str, Any]


async def trace(session: Session, target: Target) -> Answer | None:
    """`cwm/trace`: what is known of a function's call, predicted and recorded side by side; None if nothing is."""
    document, entry = await function_of(session, target)
    known = document.known.get(entry.qualname)
    if known is None or known.reading is None:
        return None
    shown, divergences = known.reading.all
    sides = await session.predictions.side_by_side(known)
    events = [event for side in ("predicted", "recorded") if sides[side] for event in sides[side]["events"]]
    lines = {event["line"] for event in events if event["path"] is None}
    wholes = [reading.whole for reading in (known.predicted, known.recorded) if reading and reading.whole]
    texts = {path: other.trace.source for whole in wholes for path, other in whole.elsewhere.items()}
    return {
        "uri": document.uri,
        "function": entry.qualname,
        "call": known.call.expression,
        "source": shown.source,
        "divergences": [divergence.to_json() | {"message": message_of(divergence)} for divergence in divergences],
        "others": [{"path": path, "uri": from_fs_path(path), "source": text} for path, text in texts.items()],
        "lines": {str(line): now for line in sorted(lines) if (now := known.anchor.at(line)) is not None},
        **sides,
    }


async def state_at(session: Session, target: Target) -> Answer:
    """`cwm/stateAt`: shows a function as of an event of its trace: in that iteration, in that call.

    The answer says whether this has `changed` anything: the client then asks for its hints again.
    """
    document, entry = await function_of(session, target)
    known = document.known.get(entry.qualname)
    if known is None or known.reading is None or target.event is None:
        return {"changed": False}
    if target.event >= len(known.reading.all[0].events):  # it has been predicted or run anew meanwhile
        return {"changed": False}
    return {"changed": known.look(target.event)}


async def unreached_lines(session: Session, target: Target) -> Answer:
    """`cwm/unreachedLines`: 0-based lines of a document that the calls which are shown in it do not reach."""
    document = session.documents.get(target.uri or "")
    lines: set[int] = set()
    if document is not None and document.settings.enable:
        for one in shown(session.documents, document):
            if not one.known.is_other_call:
                lines |= {now for line in one.reading.unreached if (now := one.where(line)) is not None}
    return {"lines": sorted(lines)}


async def hints(session: Session, target: Target) -> Answer:
    """`cwm/hints`: all hints of a document, in parts that say what they are, for clients that colour them."""
    document = session.documents.get(target.uri or "")
    if document is None or not document.settings.enable:
        return {"hints": []}
    return {"hints": [hint.to_json() for _, hint in hints_of(session, document, range(len(document.text)))]}


async def verdicts(session: Session, target: Target) -> Answer:
    """`cwm/verdicts`: what is known of a document's tests by now, as `cwm.verdicts` answers when it is done."""
    document = session.documents.get(target.uri or "")
    tests = document.checked.tests.values() if document is not None and document.settings.enable else ()
    return {"verdicts": [verdict_row(test) for test in tests]}


async def status(session: Session, target: Target) -> Answer:
    """`cwm/status`: what predicts, what is being done, and how far the function at a position is known."""
    document = session.documents.get(target.uri or "")
    settings = document.settings if document is not None else session.configuration.whole
    answer: Answer = {"model": settings.model.name, "doing": session.jobs.doing, "functions": 0, "known": 0}
    if document is None or not document.settings.enable:
        return answer
    callable_ones = [entry for entry in document.entries if entry.is_callable]
    owned = owners(session.documents, document)
    answer |= {
        "functions": len(callable_ones),
        "known": sum(document.anchor.at(entry.first_line) in owned for entry in callable_ones),
        "error": document.error,
    }
    entry = document.entry_at(target.position.line) if target.position is not None else None
    if entry is not None:
        start = document.anchor.at(entry.first_line)
        answer |= status_view.status(entry, document.call_of(entry), owned.get(start) if start is not None else None)
    return answer


async def check_call(session: Session, target: Target) -> Answer:
    """`cwm/checkCall`: whether a call fits a function, while it is being typed: `problem` says why not, or is null."""
    document, entry = await function_of(session, target)
    return {"problem": await session.predictions.problem_of(document, entry, target.call or "")}


async def debug_configuration(session: Session, target: Target) -> Answer:
    """`cwm/debugConfiguration`: how a debugger starts the call in use; and the lines, 0-based, of the function and of
    its first step.

    Raises:
        UserError: the workspace is not trusted, or there is no file, function or call.
    """
    if not session.configuration.trusted:
        raise UserError("the workspace is not trusted, so nothing of it is run: trust it first")
    document, entry, call = await call_of(session, target)
    path, source = Path(document.path), document.text.whole
    if not path.is_absolute():
        raise UserError(f"{document.path} has to be saved first: a debugger reads files")

    def prepared() -> Answer:
        names = (entry.name, "<lambda>")
        scope = next((scope for scope in Flow.of(source).starting_at(entry.first_line) if scope.name in names), None)
        first_steps = scope.entry.lines if scope is not None else ()
        return {
            "function": entry.qualname,
            "call": call.expression,
            "configuration": configuration(path, source, call.expression, document.settings.record.python),
            "firstLine": entry.first_line - 1,
            "lastLine": entry.last_line - 1,
            "bodyLine": first_steps[0] - 1 if first_steps else entry.def_line,
        }

    return await asyncio.to_thread(prepared)


REQUESTS = {
    "cwm/trace": trace,
    "cwm/stateAt": state_at,
    "cwm/unreachedLines": unreached_lines,
    "cwm/hints": hints,
    "cwm/verdicts": verdicts,
    "cwm/status": status,
    "cwm/checkCall": check_call,
    "cwm/debugConfiguration": debug_configuration,
}

FORMER_NAMES = {
    "cwm/look": "cwm/stateAt",
    "cwm/unreached": "cwm/unreachedLines",
    "cwm/launch": "cwm/debugConfiguration",
}
"""Requests under the names that clients of the last release send; the next one answers the new names alone."""
