"""Documents brought up to date when they have been left alone for a moment: outlines, predictions, checks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from lsprotocol import types as lsp

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp.checks import Checks
from cwm_lsp.lsp.client import Client
from cwm_lsp.lsp.configuration import Configuration
from cwm_lsp.lsp.debugging import Debugging
from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.jobs import Jobs, log_fault
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.predictions import NotEntered, Predictions
from cwm_lsp.lsp.shown import owners
from cwm_lsp.lsp.workers import Fault, Message, Worker, WorkerDied
from cwm_lsp.source.calls import Call
from cwm_lsp.trace.facts import is_fact


class Sweeps:
    """Looks at documents again, one after the other: what their functions are, and what is not known of them yet."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        jobs: Jobs,
        client: Client,
        configuration: Configuration,
        tools: Worker,
        debugging: Debugging,
        predictions: Predictions,
        checks: Checks,
    ) -> None:
        """`tools` is the process that finds functions."""
        self._documents = documents
        self._jobs = jobs
        self._client = client
        self._configuration = configuration
        self._tools = tools
        self._debugging = debugging
        self._predictions = predictions
        self._checks = checks
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def schedule(self, document: Document, delay: float | None = None, *, saved: bool = False) -> None:
        """Look at a document again, when it has been left alone for a moment."""
        self.stop(document.uri)
        seconds = document.settings.predict.debounce / 1000 if delay is None else delay
        self._timers[document.uri] = asyncio.get_running_loop().call_later(seconds, self._begin_sweep, document, saved)

    def stop(self, uri: str) -> None:
        """Do not look at a document: it is closed."""
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Look at nothing any more."""
        for uri in list(self._timers):
            self.stop(uri)

    def looked_at(self, uri: str, cursor: int, view: range) -> None:
        """The user has gone to a line, 0-based, of a document of which these lines are seen (`cwm/cursor`)."""
        document = self._documents.get(uri)
        if document is None:
            return
        before = document.entry_at_cursor
        document.cursor, document.view = cursor, view
        if document.entry_at_cursor is not before:
            self._client.refresh_lenses()
        if not self.is_due(document) and self.next_of(document) is not None:
            self.schedule(document, 0.0)

    def is_due(self, document: Document) -> bool:
        """Whether a document is being looked at, or will be."""
        is_waiting = document.uri in self._timers or self._jobs.has(("sweep", document.uri))
        return is_waiting or document.outlined != document.revision

    async def remember(self) -> None:
        """Keep what debug sessions have shown, and predict again what was guessed of it."""
        shown = await self._debugging.keep()
        for document in self._documents.values():
            is_unasked = self.predicts_unasked(document.settings.predict.trigger, saved=False)
            for name, known in [*document.known.items()]:
                reading = known.predicted
                is_guessed = known.recorded is None and reading is not None and not is_fact(reading.trace)
                if is_guessed and is_unasked and (document.path, name) in shown:
                    del document.known[name]
                    self.schedule(document, 0.0)

    def _begin_sweep(self, document: Document, saved: bool) -> None:
        self._timers.pop(document.uri, None)
        if document.settings.enable and self._documents.get(document.uri) is document:
            task = self._jobs.start(("sweep", document.uri), self._sweep(document, saved))
            task.add_done_callback(log_fault)

    async def _sweep(self, document: Document, saved: bool) -> None:
        """Bring a document up to date: its outline, and its predictions where they are made without being asked for."""
        self._predictions.interrupt_reading()
        try:
            await self.outline(document)
        except WorkerDied:  # which has been told
            return
        self._client.refresh()
        if self.predicts_unasked(document.settings.predict.trigger, saved=saved):
            await self._predict_unknown(document)
        self._predictions.read_surprises(document)
        if document.settings.predict.trigger in ("auto", "onType") or saved:
            self._checks.begin(document)

    async def _predict_unknown(self, document: Document) -> None:
        while (wanted := self.next_of(document)) is not None:
            entry, call = wanted
            try:
                await self._predictions.predict(document, entry, call, only_computed=call.origin == "defaults")
            except (UserError, Fault, WorkerDied) as error:
                if isinstance(error, NotEntered) and document.set_aside(entry.qualname, call):
                    continue
                document.known[entry.qualname] = KnownCall(
                    entry, call, document.new_anchor().around([entry.first_line]), problem=str(error)
                )
            except UnavailableError as error:
                if str(error) != self._predictions.unavailable:
                    self._predictions.unavailable = str(error)
                    self._client.tell(self._predictions.unavailable, lsp.MessageType.Warning)
                return

    def next_of(self, document: Document) -> tuple[Entry, Call] | None:
        """What is predicted next without being asked for: first the function at the cursor, also a made-up call of it,
        then those in view."""
        at_cursor = document.entry_at_cursor
        computes, owned = document.settings.predict.assist == "lock", owners(self._documents, document)

        def wanted(entry: Entry, call: Call) -> bool:
            is_bare = document.anchor.at(entry.first_line) not in owned
            return call.is_own or (entry is at_cursor and computes and is_bare)

        def rank(entry: Entry) -> int:
            return 0 if entry is at_cursor else 1 if document.is_in_view(entry) else 2

        unknown = [
            (rank(entry), number, entry, call)
            for number, entry in enumerate(document.entries)
            if entry.qualname not in document.known
            and entry.qualname not in document.pending  # the user has asked about it
            and (call := document.call_of(entry)) is not None
            and wanted(entry, call)
        ]
        if not unknown:
            return None
        nearness, _, entry, call = min(unknown, key=lambda one: one[:2])
        enough = len(document.known) >= document.settings.predict.max_functions
        return None if nearness == 2 and enough else (entry, call)

    def predicts_unasked(self, trigger: str, *, saved: bool) -> bool:
        """Whether predictions are made without being asked for, now that a document was edited or `saved`."""
        if trigger == "auto":
            return self._predictions.is_fast
        return trigger == "onType" or (trigger == "onSave" and saved)

    async def outline(self, document: Document) -> None:
        """Find the functions of a document, if that has not been done for its text."""
        revision = document.revision
        if document.outlined == revision:
            return
        entries: list[Entry] = []

        def on_message(message: Message) -> None:
            entries.extend(Entry.from_json(entry) for entry in message["entries"])

        roots = [str(folder) for folder in self._configuration.folders]
        source = document.text.whole
        answer = await self._tools.ask("outline", on_message, source=source, path=document.path, roots=roots)
        on_message(answer)
        if document.revision == revision:
            document.outline(entries, answer["error"], answer["broken"])
