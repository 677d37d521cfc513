"""Quick fixes that mend a function: offered where something is known to go wrong, looked for when one is chosen.

Listing actions never waits: an edit is looked for in the worker when its action is resolved, and is listed with its own
title from then on, as long as the file is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from cwm_lsp.errors import UserError

if TYPE_CHECKING:
    from cwm_lsp.lsp.documents import Document
    from cwm_lsp.lsp.outline import Entry
    from cwm_lsp.lsp.session import Session
    from cwm_lsp.lsp.workers import Message

SECONDS = 8.0
"""What looking for an edit may take."""
OFFERED = 3
"""Edits that are listed of one function."""
_KIND = lsp.CodeActionKind.QuickFix


def repair_actions(document: Document, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """Edits that are known of the function at the start of a range, or one that is still to be looked for."""
    entry = document.entry_at(params.range.start.line)
    if entry is None:
        return []
    told = [one for one in params.context.diagnostics if (one.source or "").startswith("cwm")]
    found = document.repairs.get(entry.qualname)
    if found is not None and found[0] == document.text.whole:
        return [_known(document, edit, told) for edit in found[1][:OFFERED]]
    if not told:
        return []
    title = f"Mend {entry.name}: find an edit after which all that is known of it holds"
    return [lsp.CodeAction(title, _KIND, told, data={"repair": {"uri": document.uri, "function": entry.qualname}})]


def _known(document: Document, edit: dict[str, Any], told: list[lsp.Diagnostic]) -> lsp.CodeAction:
    return lsp.CodeAction(
        edit["title"], _KIND, told, is_preferred=edit["preferred"], edit=_workspace_edit(document, edit["text"])
    )


def _workspace_edit(document: Document, text: str) -> lsp.WorkspaceEdit:
    """From what the document is to a text: the lines between those that stay at both ends."""
    old, new = document.text.whole.split("\n"), text.split("\n")
    first = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new))
    )
    same = 0
    while same < min(len(old), len(new)) - first and old[-1 - same] == new[-1 - same]:
        same += 1
    changed = "\n".join(new[first : len(new) - same])
    if same and len(new) - same > first:
        changed += "\n"
    last = len(old) - same
    end = lsp.Position(last, 0) if same else document.text.end_of(len(old) - 1)
    return lsp.WorkspaceEdit({document.uri: [lsp.TextEdit(lsp.Range(lsp.Position(first, 0), end), changed)]})


async def resolve(session: Session, action: lsp.CodeAction) -> lsp.CodeAction:
    """An action with its edit; where none is found the user is told so, and nothing changes."""
    match action.data:
        case {"repair": {"uri": str(uri), "function": str(name)}}:
            pass
        case _:
            return action
    document, entry = session.function_at(uri, name=name)
    source = document.text.whole
    try:
        edits = await session.jobs.start(("repair", document.uri, name), _edits(session, document, entry))
    except UserError as error:
        session.client.tell(str(error), lsp.MessageType.Warning)
        return action
    if document.text.whole != source:
        session.client.tell("the file has changed in the meantime: ask again", lsp.MessageType.Info)
        return action
    document.repairs[name] = source, edits
    if not edits:
        session.client.tell(f"no edit was found after which what is known of {entry.name} holds", lsp.MessageType.Info)
        return action
    best = edits[0]
    session.client.tell(best["title"], lsp.MessageType.Info)
    action.title, action.is_preferred = best["title"], best["preferred"]
    action.edit = _workspace_edit(document, best["text"])
    return action


async def _edits(session: Session, document: Document, entry: Entry) -> list[Message]:
    """Edits of a function after which what is known of it holds, the best first: `title`, `text`, `preferred`.

    Raises:
        UserError: nothing is known of it, or the file does not parse.
        UnavailableError, asyncio.CancelledError
    """
    title, cancel = f"Mending {entry.name}", lambda: session.jobs.cancel_for(document.uri, entry.qualname)
    async with session.client.progress(title, cancel) as progress:
        answer = await session.mender.ask(
            "repair",
            progress.on_message,
            source=document.text.whole,
            path=document.path,
            function=entry.qualname,
            python=document.settings.record.python,
            seconds=SECONDS,
        )
    edits: list[Message] = answer["edits"]
    return edits
