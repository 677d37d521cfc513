"""What an editor asks of the processes themselves: what `cwm-lsp doctor` finds, where a debug adapter listens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_lsp.doctor import Finding, Findings
from cwm_lsp.errors import UnavailableError
from cwm_lsp.lsp.workers import Message, Worker

if TYPE_CHECKING:
    from cwm_lsp.lsp.session import Session


async def doctor(session: Session, uri: str | None) -> Findings:
    """What `cwm-lsp doctor` finds, by the settings of a document or the workspace. The model is examined where it is,
    since there may be no room for it twice; the machine by a process that does not stay."""
    document = session.documents.get(uri or "")
    settings = (document.settings if document else session.configuration.whole).model_dump()
    folder = str(Path(document.path).parent) if document else next(map(str, session.configuration.folders), None)
    examiner = Worker("doctor")
    try:
        machine, model = await asyncio.gather(
            examiner.ask("examine machine", settings=settings, folder=folder), _model(session, settings)
        )
    finally:
        examiner.close()
    return Findings.of(Finding(**finding) for finding in (*machine["findings"], *model))


async def _model(session: Session, settings: Message) -> list[Message]:
    try:
        findings: list[Message] = (await session.model.ask("examine model", settings=settings))["findings"]
    except UnavailableError as error:
        return [Finding("model", "broken", str(error), "run the command cwm.restartModel").to_json()]
    return findings


async def debug_adapter(session: Session, uri: str | None) -> Message:
    """Where a debug adapter listens, with the settings of a document or the workspace, and its token. It is in the
    process that has the model."""
    document = session.documents.get(uri or "")
    settings = document.settings if document else session.configuration.whole
    chosen, trusted = settings.model_dump(mode="json"), session.configuration.trusted
    return await session.model.ask("debug adapter", settings=chosen, trusted=trusted)
