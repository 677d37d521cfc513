"""One editor's session: its documents, what is known of them, and what is being done about it.

Requests are answered from what is known at once. What takes time (finding functions, predicting, running) is done by
worker processes; its results arrive by refresh requests. The loop never parses Python and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from lsprotocol import types as lsp
from pygls.uris import to_fs_path, uri_scheme

from cwm_lsp.errors import UserError
from cwm_lsp.lsp import answers
from cwm_lsp.lsp.anchor import TrackedSpans
from cwm_lsp.lsp.checks import Checks
from cwm_lsp.lsp.client import Client, ClientLog
from cwm_lsp.lsp.configuration import Configuration
from cwm_lsp.lsp.debugging import Debugging
from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.jobs import Jobs, log_fault
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.predictions import Predictions
from cwm_lsp.lsp.sweeps import Sweeps
from cwm_lsp.lsp.workers import Worker
from cwm_lsp.source.calls import Call

log = logging.getLogger(__name__)

_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


class Session:
    """Knows the documents, and starts and stops the work on them."""

    def __init__(self, client: Client, params: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        """`params` of `initialize`; `flags` are settings from the command line, by dotted name."""
        self.client = client
        self.configuration = Configuration(params, flags)
        self.documents: dict[str, Document] = {}
        self.jobs = Jobs()
        self.debugging = Debugging(self.documents, client.notify, self._show, self._remember)
        self._told: set[str] = set()
        self._published: dict[str, list[lsp.Diagnostic]] = {}
        """By URI, for clients to which diagnostics are pushed."""
        self.model = Worker("model", self._worker_died)
        """The process that has the model."""
        self._tools = Worker("tools", self._worker_died)
        self.checks = Checks(self.documents, self.jobs, self._show, self._worker_died)
        self.mender = Worker("repairing", self._worker_died)
        """The process that looks for edits."""
        self.predictions = Predictions(
            self.documents, self.jobs, client, self.model, self._tools, self.debugging, self._show
        )
        self.sweeps = Sweeps(
            self.documents,
            self.jobs,
            client,
            self.configuration,
            self._tools,
            self.debugging,
            self.predictions,
            self.checks,
        )
        logging.getLogger("cwm_lsp").addHandler(ClientLog(client))
        self._set_level()

    # What the editor says

    async def configure(self, pushed: Any = None) -> None:
        """Read the settings again; `pushed` is what the editor sent along, which older ones do instead of answering."""
        configuration, client = self.configuration, self.client
        if client.has_configuration:
            configuration.told(await client.configuration(configuration.scopes))
        elif pushed is not None:
            configuration.told(dict.fromkeys(configuration.scopes, pushed))
        else:
            configuration.read()
        self._configured()

    def folders_changed(self, event: lsp.WorkspaceFoldersChangeEvent) -> None:
        """Folders were added to the workspace, or taken from it."""
        self.configuration.folders_changed(event)
        self._configured()

    def _configured(self) -> None:
        self._set_level()
        for problem in self.configuration.problems:
            self._tell_once(problem)
        for document in self.documents.values():
            before, document.settings = document.settings, self.configuration.of(document.path)
            if document.settings.model != before.model:
                self.predictions.model_changed()
            if document.settings != before:
                self._show(document)
                self.sweeps.schedule(document)

    def set_trace(self, value: str) -> None:
        """`$/setTrace`: whether the editor wants to know all that goes on."""
        self.client.trace = value
        self._set_level()

    def _set_level(self) -> None:
        asked = _LEVELS[self.configuration.whole.log_level]
        wanted = logging.DEBUG if self.client.trace == lsp.TraceValue.Verbose else asked
        logging.getLogger("cwm_lsp").setLevel(wanted)

    def opened(self, item: lsp.TextDocumentItem) -> None:
        if item.language_id != "python" or uri_scheme(item.uri) == "vscode-notebook-cell":
            return
        self.closed(item.uri)
        path = _path(item.uri)
        settings = self.configuration.of(path)
        document = Document(item.uri, path, item.text, item.version, self.client.encoding, settings)
        self.documents[item.uri] = document
        self.sweeps.schedule(document, 0.0)
        if self.sweeps.predicts_unasked(settings.predict.trigger, saved=False) and self.model.pid is None:
            # While the other process finds the functions.
            self.jobs.start(("prepare", ""), self.model.ask("prepare")).add_done_callback(log_fault)

    def changed(self, uri: str, version: int | None, changes: list[lsp.TextDocumentContentChangeEvent]) -> None:
        """An edit: what it touches is forgotten at once, and its jobs are cancelled."""
        document = self.documents.get(uri)
        if document is None:
            return
        before, checked = set(document.known), len(document.checked)
        if not document.edit(changes, version):
            return
        self.predictions.interrupt_reading()
        touched = {name for name, anchor in document.pending.items() if not _lives(anchor, name, document)}
        stale = ("sweep", "check", "verify")
        self.jobs.cancel(lambda key: key[1] == uri and (key[0] in stale or key[-1] in touched))
        if before - set(document.known) or len(document.checked) < checked:
            self._show(document)
        self.sweeps.schedule(document)
        self._depended_on(document.path)

    def files_changed(self, uris: Sequence[str]) -> None:
        """Files have changed on disk; those that are open count as they are in the editor."""
        for uri in uris:
            if uri not in self.documents:
                self._depended_on(_path(uri))

    def _depended_on(self, path: str) -> None:
        """A file has changed: what was predicted from it elsewhere is forgotten, and predicted again."""
        for document in self.documents.values():
            stale = [name for name, known in document.known.items() if known.depends_on(path)]
            for name in stale:
                del document.known[name]
            is_other = document.path != path and document.checked.other_changed(path, document.text.whole)
            if is_other:
                self.jobs.cancel(lambda key, uri=document.uri: key == ("check", uri))  # type: ignore[misc]
            if stale or is_other:
                self._show(document)
                self.sweeps.schedule(document)

    def saved(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document is None:
            return
        document.checked.searched.clear()  # what the functions call may have changed
        if document.settings.predict.trigger == "onSave":
            self.sweeps.schedule(document, 0.0, saved=True)
        elif document.outlined == document.revision and document.settings.predict.trigger != "manual":
            self.checks.begin(document)

    def closed(self, uri: str) -> None:
        """A document is closed, deleted or renamed: everything about it is forgotten."""
        document = self.documents.pop(uri, None)
        if document is None:
            return
        self.jobs.cancel(lambda key: key[1] == uri)
        self.sweeps.stop(uri)
        self._published.pop(uri, None)
        self.client.publish(uri, None, [])

    def end(self) -> None:
        """The session ends: nothing is left running."""
        self.sweeps.close()
        self.jobs.cancel()
        self.model.close()
        self._tools.close()
        self.checks.close()
        self.mender.close()

    # What is done about it

    def function_at(self, uri: str, *, name: str | None = None, line: int | None = None) -> tuple[Document, Entry]:
        """The function of that name, or around a 0-based line, in an open document whose outline is up to date.

        Raises:
            UserError: there is none.
        """
        document = self.document(uri)
        entry = None
        if name is not None:
            entry = document.entry_named(name)
        elif line is not None:
            entry = document.entry_at(line)
        if entry is None and (name is None or name in document.broken) and document.error is not None:
            raise UserError(f"this does not parse: {document.broken.get(name or '', document.error)}")
        if entry is None:
            where = f"called {name}" if name is not None else "here"
            raise UserError(f"there is no function {where}: put the cursor inside one")
        return document, entry

    def document(self, uri: str) -> Document:
        """An open document.

        Raises:
            UserError: there is none of that URI.
        """
        document = self.documents.get(uri)
        if document is None:
            raise UserError(f"{uri} is not open as a Python file")
        return document

    async def outlined(self, uri: str) -> None:
        """Wait until the outline of an open document is up to date."""
        document = self.document(uri)
        while document.outlined != document.revision:
            await self.sweeps.outline(document)

    async def predict(self, document: Document, entry: Entry, call: Call) -> KnownCall:
        """Predict a call because the user asks for it.

        Raises:
            UserError, UnavailableError: it cannot be predicted.
            asyncio.CancelledError: the user, an edit or a newer job of the same function has cancelled it.
        """
        return await self._before_others(document, "predict", entry, self.predictions.predict(document, entry, call))

    async def run(self, document: Document, entry: Entry, call: Call) -> KnownCall:
        """Run a call because the user asks for it, and hold the run against its prediction, made first if need be.

        Raises:
            UserError, UnavailableError, asyncio.CancelledError: as for `predict`.
        """
        if not self.configuration.trusted:
            raise UserError("the workspace is not trusted, so nothing of it is run: trust it first")
        if document.error is not None:
            document.refuse(f"nothing of this file can be run: {document.error}")
            self._show(document)
            raise UserError(f"{call.expression} is not run, as the file does not parse: {document.error}")
        return await self._before_others(document, "run", entry, self.predictions.run(document, entry, call))

    async def _before_others(
        self, document: Document, kind: str, entry: Entry, work: Coroutine[Any, Any, KnownCall]
    ) -> KnownCall:
        """Do what the user asks for before what nobody has asked for."""
        swept = self.jobs.cancel(lambda key: key == ("sweep", document.uri))
        # A prediction that is still under way would take the place of what comes of this.
        same = document.uri, entry.qualname
        self.jobs.cancel(lambda key: key[0] in ("predict", "run") and key[1:] == same)
        try:
            return await self.jobs.start((kind, document.uri, entry.qualname), work)
        finally:
            if self.documents.get(document.uri) is document:
                if swept:
                    self.sweeps.schedule(document)
                else:
                    self.predictions.read_surprises(document)

    def restart_model(self) -> None:
        """End the process that has the model; the next prediction starts a new one."""
        self.jobs.cancel(lambda key: key[0] in ("predict", "sweep"))
        self._told.clear()
        self.predictions.model_changed()
        self.model.restart()
        for document in self.documents.values():
            self.sweeps.schedule(document, 0.0)

    def forget(self, uri: str, name: str | None = None) -> None:
        """Clear what is shown in a document, or of one function in it."""
        document = self.document(uri)
        self.jobs.cancel_for(uri, name)
        for qualname in [name] if name is not None else list(document.known):
            document.known.pop(qualname, None)
            document.pins.pop(qualname, None)
        self._show(document)

    def _show(self, document: Document) -> None:
        """What is known of a document has changed."""
        self.client.refresh()
        if self.client.pulls_diagnostics:
            return
        for one in self.documents.values():  # what is known of a function tells of the tests that are open as well
            found = answers.diagnostics_of(self, one)
            if one is document or found != self._published.get(one.uri, []):
                self._published[one.uri] = found
                self.client.publish(one.uri, one.version, found)

    def _remember(self) -> None:
        """A debug session has ended: what it has shown is kept, and predicted from."""
        self.jobs.start(("remember", ""), self.sweeps.remember()).add_done_callback(log_fault)

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self.client.tell(message, lsp.MessageType.Warning)

    def _worker_died(self, message: str) -> None:
        self._tell_once(f"{message}; it starts again when it is needed. If that does not help, see the server's log.")


def _path(uri: str) -> str:
    """The file's path; the bare name of a document that has none."""
    return to_fs_path(uri) or uri.rpartition(":")[2]


def _lives(anchor: TrackedSpans, name: str, document: Document) -> bool:
    """Whether the function that a job is about is as it was when the job began."""
    entry = document.entry_named(name)
    span = None if entry is None else anchor.span_of(entry.first_line)
    return span is not None and span.alive
