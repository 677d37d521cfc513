"""One editor's session: its documents, what is known of them, and what is being done about it.

Requests are answered from what is known at once. What takes time (finding functions, predicting, running) is done by
worker processes; its results arrive by refresh requests. The loop never parses Python and never waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.uris import to_fs_path, uri_scheme

from cwm_lsp.doctor import Finding, Findings
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp import answers
from cwm_lsp.lsp.anchor import Anchor
from cwm_lsp.lsp.checks import Checks
from cwm_lsp.lsp.client import Client, ClientLog
from cwm_lsp.lsp.configuration import Configuration
from cwm_lsp.lsp.debugging import Debugging
from cwm_lsp.lsp.documents import Document, Known, moved
from cwm_lsp.lsp.jobs import Jobs
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.readings import read, with_trace
from cwm_lsp.lsp.shown import owners
from cwm_lsp.lsp.views.reading import Reading
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.lsp.views.status import summary
from cwm_lsp.lsp.workers import Fault, Message, Worker, WorkerDied
from cwm_lsp.source.calls import Call
from cwm_lsp.source.prepared import one_line
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.facts import NOT_ENTERED, is_fact

log = logging.getLogger(__name__)

_FAST = 1.0
"""Seconds under which a model predicts fast enough to be started by typing."""
_TRIED = 3
"""Predictions by the model before that is judged: the first ones are slow everywhere."""
_SHOWN_PARTLY = 500
"""Events of a prediction that are shown while it is being made."""
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


class NotEntered(UserError):
    """A call does not get into the function that it is offered for."""


class Session:
    """Knows the documents, and starts and stops the work on them."""

    def __init__(self, client: Client, params: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        """`params` of `initialize`; `flags` are settings from the command line, by dotted name."""
        self.client = client
        self.configuration = Configuration(params, flags)
        self.documents: dict[str, Document] = {}
        self.jobs = Jobs()
        self.debugging = Debugging(self.documents, client.notify)
        self._told: set[str] = set()
        self._unavailable = ""
        """Why the model could not be had when it was last wanted; empty if it could."""
        self._published: dict[str, list[lsp.Diagnostic]] = {}
        """By URI, for clients to which diagnostics are pushed."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._durations: deque[float] = deque(maxlen=5)
        self._model = Worker("model", self._mourn)
        self._tools = Worker("tools", self._mourn)
        self.checks = Checks(self.documents, self.jobs, self._show, self._mourn)
        self._mender = Worker("repairing", self._mourn)
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
                self._durations.clear()
            if document.settings != before:
                self._show(document)
                self._soon(document)

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
        self._soon(document, 0.0)
        if self._predicts_unasked(settings.predict.trigger, saved=False) and self._model.pid is None:
            # While the other process finds the functions.
            self.jobs.start(("prepare", ""), self._model.ask("prepare")).add_done_callback(_log_fault)

    def changed(self, uri: str, version: int | None, changes: list[lsp.TextDocumentContentChangeEvent]) -> None:
        """An edit: what it touches is forgotten at once, and its jobs are cancelled."""
        document = self.documents.get(uri)
        if document is None:
            return
        before, checked = set(document.known), len(document.checked)
        if not document.edit(changes, version):
            return
        self._interrupt_weighing()
        touched = {name for name, anchor in document.pending.items() if not _lives(anchor, name, document)}
        stale = ("sweep", "check", "verify")
        self.jobs.cancel(lambda key: key[1] == uri and (key[0] in stale or key[-1] in touched))
        if before - set(document.known) or len(document.checked) < checked:
            self._show(document)
        self._soon(document)
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
                self._soon(document)

    def saved(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document is None:
            return
        document.checked.searched.clear()  # what the functions call may have changed
        if document.settings.predict.trigger == "onSave":
            self._soon(document, 0.0, saved=True)
        elif document.outlined == document.revision and document.settings.predict.trigger != "manual":
            self.checks.begin(document)

    def closed(self, uri: str) -> None:
        """A document is closed, deleted or renamed: everything about it is forgotten."""
        document = self.documents.pop(uri, None)
        if document is None:
            return
        self.jobs.cancel(lambda key: key[1] == uri)
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
        self._published.pop(uri, None)
        self.client.publish(uri, None, [])

    def end(self) -> None:
        """The session ends: nothing is left running."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.jobs.cancel()
        self._model.close()
        self._tools.close()
        self.checks.close()
        self._mender.close()

    def looked_at(self, uri: str, cursor: int, view: range) -> None:
        """The user has gone to a line, 0-based, of a document of which these lines are seen (`cwm/cursor`)."""
        document = self.documents.get(uri)
        if document is None:
            return
        before = document.entry_at_cursor
        document.cursor, document.view = cursor, view
        if document.entry_at_cursor is not before:
            self.client.refresh_lenses()
        is_busy = uri in self._timers or self.jobs.has(("sweep", uri)) or document.outlined != document.revision
        if not is_busy and self._next(document) is not None:
            self._soon(document, 0.0)

    def debug_stopped(self, params: Mapping[str, Any]) -> None:
        """The editor's debugger has stopped (`cwm/debugStopped`)."""
        self._debugged(self.debugging.stopped(params))

    def debug_continued(self, params: Mapping[str, Any]) -> None:
        """The editor's debugger goes on (`cwm/debugContinued`)."""
        self.debugging.continued(str(params.get("session")))

    def debug_terminated(self, params: Mapping[str, Any]) -> None:
        """The editor's debugger has ended (`cwm/debugTerminated`)."""
        self._debugged(self.debugging.terminated(str(params.get("session"))))
        self.jobs.start(("remember", ""), self._remember()).add_done_callback(_log_fault)

    async def _remember(self) -> None:
        """Predict again what was guessed of functions that debug sessions have shown."""
        shown = await self.debugging.keep()
        for document in self.documents.values():
            for name, known in [*document.known.items()]:
                reading = known.predicted
                is_guessed = known.recorded is None and reading is not None and not is_fact(reading.trace)
                is_unasked = self._predicts_unasked(document.settings.predict.trigger, saved=False)
                if is_guessed and is_unasked and (document.path, name) in shown:
                    del document.known[name]
                    self._soon(document, 0.0)

    def _debugged(self, uri: str | None) -> None:
        if uri in self.documents:
            self._show(self.documents[uri])

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
            await self._outline(document)

    async def predict(self, document: Document, entry: Entry, call: Call) -> Known:
        """Predict a call because the user asks for it.

        Raises:
            UserError, UnavailableError: it cannot be predicted.
            asyncio.CancelledError: the user, an edit or a newer job of the same function has cancelled it.
        """
        return await self._ahead(document, "predict", entry, self._predict(document, entry, call))

    async def run(self, document: Document, entry: Entry, call: Call) -> Known:
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
        return await self._ahead(document, "run", entry, self._run(document, entry, call))

    async def _ahead(self, document: Document, kind: str, entry: Entry, work: Coroutine[Any, Any, Known]) -> Known:
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
                    self._soon(document)
                else:
                    self._weigh_rest(document)

    @property
    def doing(self) -> list[str]:
        """What is being done for the user at the moment."""
        verbs = {"predict": "predicting", "run": "running", "weigh": "reading the run of", "sweep": "looking at"}
        verbs["repair"] = "mending"
        keys = [key for key in self.jobs.keys if key[0] in verbs]
        return [f"{verbs[key[0]]} {key[2] if len(key) > 2 else 'the file'}" for key in keys]

    async def problem_of(self, document: Document, entry: Entry, call: str) -> str | None:
        """Why a call does not fit a function; None if it does."""
        answer = await self._tools.ask(
            "check call", source=document.text.whole, path=document.path, function=entry.qualname, call=call
        )
        problem: str | None = answer["problem"]
        return problem

    async def repair(self, document: Document, entry: Entry, seconds: float) -> list[Message]:
        """Edits of a function after which what is known of it holds, the best first: `title`, `text`, `preferred`.

        Raises:
            UserError: nothing is known of it, or the file does not parse.
            UnavailableError, asyncio.CancelledError
        """
        return await self.jobs.start(("repair", document.uri, entry.qualname), self._repair(document, entry, seconds))

    async def _repair(self, document: Document, entry: Entry, seconds: float) -> list[Message]:
        async with self.client.progress(f"Mending {entry.name}", self._canceller(document, entry)) as progress:
            answer = await self._mender.ask(
                "repair",
                progress.hear,
                source=document.text.whole,
                path=document.path,
                function=entry.qualname,
                python=document.settings.record.python,
                seconds=seconds,
            )
        edits: list[Message] = answer["edits"]
        return edits

    async def side_by_side(self, known: Known) -> Message:
        """What `trace.side_by_side` makes of the traces of a call."""
        assert known.reading is not None
        predicted, recorded = (reading and reading.all[0].to_json() for reading in (known.predicted, known.recorded))
        source = known.reading.trace.source
        return await self._tools.ask("side by side", source=source, predicted=predicted, recorded=recorded)

    async def doctor(self, uri: str | None) -> Findings:
        """What `cwm-lsp doctor` finds, by the settings of a document or the workspace. The model is examined where it
        is, since there may be no room for it twice; the machine by a process that does not stay."""
        document = self.documents.get(uri or "")
        settings = (document.settings if document else self.configuration.whole).model_dump()
        folder = str(Path(document.path).parent) if document else next(map(str, self.configuration.folders), None)
        examiner = Worker("doctor")
        try:
            machine, model = await asyncio.gather(
                examiner.ask("examine machine", settings=settings, folder=folder), self._model_findings(settings)
            )
        finally:
            examiner.close()
        return Findings.of(Finding(**finding) for finding in (*machine["findings"], *model))

    async def _model_findings(self, settings: Message) -> list[Message]:
        try:
            findings: list[Message] = (await self._model.ask("examine model", settings=settings))["findings"]
        except UnavailableError as error:
            return [Finding("model", "broken", str(error), "run the command cwm.restartModel").to_json()]
        return findings

    async def debug_adapter(self, uri: str | None) -> Message:
        """Where a debug adapter listens, with the settings of a document or the workspace, and its token. It is in the
        process that has the model."""
        document = self.documents.get(uri or "")
        settings = document.settings if document else self.configuration.whole
        chosen, trusted = settings.model_dump(mode="json"), self.configuration.trusted
        return await self._model.ask("debug adapter", settings=chosen, trusted=trusted)

    def restart_model(self) -> None:
        """End the process that has the model; the next prediction starts a new one."""
        self.jobs.cancel(lambda key: key[0] in ("predict", "sweep"))
        self._told.clear()
        self._unavailable = ""
        self._model.restart()
        for document in self.documents.values():
            self._soon(document, 0.0)

    def _soon(self, document: Document, delay: float | None = None, *, saved: bool = False) -> None:
        """Look at a document again, when it has been left alone for a moment."""
        timer = self._timers.pop(document.uri, None)
        if timer is not None:
            timer.cancel()
        seconds = document.settings.predict.debounce / 1000 if delay is None else delay
        self._timers[document.uri] = asyncio.get_running_loop().call_later(seconds, self._begin_sweep, document, saved)

    def _begin_sweep(self, document: Document, saved: bool) -> None:
        self._timers.pop(document.uri, None)
        if document.settings.enable and self.documents.get(document.uri) is document:
            task = self.jobs.start(("sweep", document.uri), self._sweep(document, saved))
            task.add_done_callback(_log_fault)

    async def _sweep(self, document: Document, saved: bool) -> None:
        """Bring a document up to date: its outline, and its predictions where they are made without being asked for."""
        self._interrupt_weighing()
        try:
            await self._outline(document)
        except WorkerDied:  # which has been told
            return
        self.client.refresh()
        if self._predicts_unasked(document.settings.predict.trigger, saved):
            await self._predict_unknown(document)
        self._weigh_rest(document)
        if document.settings.predict.trigger in ("auto", "onType") or saved:
            self.checks.begin(document)

    async def _predict_unknown(self, document: Document) -> None:
        while (wanted := self._next(document)) is not None:
            entry, call = wanted
            try:
                await self._predict(document, entry, call, only_computed=call.origin == "defaults")
            except (UserError, Fault, WorkerDied) as error:
                if isinstance(error, NotEntered) and document.set_aside(entry.qualname, call):
                    continue
                document.known[entry.qualname] = Known(
                    entry, call, document.new_anchor().around([entry.first_line]), problem=str(error)
                )
            except UnavailableError as error:
                if str(error) != self._unavailable:
                    self._unavailable = str(error)
                    self.client.tell(self._unavailable, lsp.MessageType.Warning)
                return

    def _next(self, document: Document) -> tuple[Entry, Call] | None:
        """What is predicted next without being asked for: first the function at the cursor, also a made-up call of it,
        then those in view."""
        at_cursor = document.entry_at_cursor
        computes, owned = document.settings.predict.assist == "lock", owners(self.documents, document)

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

    def _predicts_unasked(self, trigger: str, saved: bool) -> bool:
        if trigger == "auto":
            return len(self._durations) < _TRIED or sorted(self._durations)[len(self._durations) // 2] < _FAST
        return trigger == "onType" or (trigger == "onSave" and saved)

    async def _outline(self, document: Document) -> None:
        revision = document.revision
        if document.outlined == revision:
            return
        entries: list[Entry] = []

        def hear(message: Message) -> None:
            entries.extend(Entry.from_json(entry) for entry in message["entries"])

        roots = [str(folder) for folder in self.configuration.folders]
        source = document.text.whole
        answer = await self._tools.ask("outline", hear, source=source, path=document.path, roots=roots)
        hear(answer)
        if document.revision == revision:
            document.outline(entries, answer["error"], answer["broken"])

    async def _predict(self, document: Document, entry: Entry, call: Call, *, only_computed: bool = False) -> Known:
        """Predict a call; `only_computed`: it is known only if all of it can be computed, and it returns.

        Raises:
            UserError, UnavailableError, asyncio.CancelledError: as for `predict`.
        """
        started = time.monotonic()
        self._interrupt_weighing()
        settings = document.settings.predict
        source = document.text.whole
        anchor = document.pending[entry.qualname] = document.new_anchor()
        pins = document.pins.setdefault(entry.qualname, {})
        begun = Known(entry, call, anchor, partial=True, pins=pins)
        partial = _Partial(document, begun, anchor, source, self.client.refresh)

        def hear(message: Message) -> None:
            progress.hear(message)
            if not only_computed:
                partial.hear(message)

        try:
            await self.debugging.keep()
            async with self.client.progress(
                f"Predicting {one_line(call.expression)}", self._canceller(document, entry)
            ) as progress:
                answer = await self._model.ask(
                    "predict",
                    hear,
                    source=source,
                    path=document.path,
                    function=entry.qualname,
                    call=call.expression,
                    made_up=call.origin == "defaults",
                    python=document.settings.record.python,
                    scope=document.settings.record.scope,
                    texts={other.path: other.text.whole for other in self.documents.values() if other is not document},
                    model=document.settings.model.model_dump(),
                    assist=settings.assist,
                    sure=document.settings.hints.min_confidence,
                    remember=document.settings.record.remember,
                    budget={
                        "events": settings.max_events,
                        "tokens": 0 if only_computed else settings.max_tokens,
                        "seconds": settings.timeout,
                        "sure": document.settings.hints.min_confidence if settings.assist == "lock" else 0.0,
                    },
                )
            reading = await asyncio.to_thread(read, answer, source)
            reading = replace(reading, first=entry.def_line)
            if reading.trace.outcome.detail == NOT_ENTERED:
                raise NotEntered(f"{call.expression} does not get into {entry.qualname}")
            asked, call = call, replace(call, expression=reading.trace.call)
            if only_computed and not (is_fact(reading.trace) and reading.trace.outcome.kind == "return"):
                raise UserError("of the call that was made up for it not all is known: give one, or have it predicted")
            known = Known(entry, call, _entered(anchor, entry, reading), predicted=reading, pins=pins)
            known.asked = asked
            known.is_made_up = only_computed
            known.show_pinned()
            if not known.anchor.alive:
                raise asyncio.CancelledError("a function that the trace enters was edited meanwhile")
        finally:
            partial.forget()
            if document.pending.get(entry.qualname) is anchor:
                del document.pending[entry.qualname]
        self._unavailable = ""
        if reading.trace.stats.forward_passes:  # what is computed is cheap, also where the machine is busy
            self._durations.append(reading.trace.stats.seconds)
        document.known.pop(entry.qualname, None)
        document.known[entry.qualname] = known
        log.info("%s", summary(reading.trace, time.monotonic() - started))
        self._show(document)
        return known

    async def _run(self, document: Document, entry: Entry, call: Call) -> Known:
        known = document.known.get(entry.qualname)
        if known is None or known.partial or known.predicted is None or call not in (known.call, known.asked):
            known = await self._predict(document, entry, call)
        assert known.predicted is not None
        call = known.call
        settings = document.settings.record
        source = document.text.whole
        predicted = moved(known.predicted.all[0], known.anchor, source)
        anchor = document.pending[entry.qualname] = document.new_anchor()
        try:
            async with self.client.progress(
                f"Running {one_line(call.expression)}", self._canceller(document, entry)
            ) as progress:
                answer = await self._tools.ask(
                    "run",
                    progress.hear,
                    source=source,
                    path=document.path,
                    function=entry.qualname,
                    call=call.expression,
                    made_up=call.origin == "defaults",
                    python=settings.python,
                    timeout=settings.timeout,
                    remember=settings.remember,
                    scope=settings.scope,
                    sandbox=settings.sandbox,
                    predicted=predicted.to_json(),
                    sure=document.settings.hints.min_confidence,
                )
            reading = await asyncio.to_thread(read, answer, source)
        finally:
            if document.pending.get(entry.qualname) is anchor:
                del document.pending[entry.qualname]
        entered = _entered(anchor, entry, reading)
        if document.known.get(entry.qualname) is not known or not entered.alive:
            raise asyncio.CancelledError("a function that the run enters was edited meanwhile")
        known.recorded = reading
        known.predicted = with_trace(known.predicted, predicted)
        known.anchor = entered
        known.show_pinned()
        self._show(document)
        return known

    def _weigh_rest(self, document: Document) -> None:
        """Have the model tell what surprises it of the runs of a document; nobody waits for that."""
        for name, known in document.known.items():
            run = known.recorded
            if run is not None and run.surprise is None and not self.jobs.has(("weigh", document.uri, name)):
                task = self.jobs.start(("weigh", document.uri, name), self._weigh(document, known, run))
                task.add_done_callback(_log_fault)

    def _interrupt_weighing(self) -> None:
        """What is waited for overtakes: the model is free after its next forward pass."""
        self.jobs.cancel(lambda key: key[0] == "weigh")

    async def _weigh(self, document: Document, known: Known, run: Reading) -> None:
        """Have the model tell what of a run surprises it. The run is answered and shown before, and without that if
        need be."""
        call = run.trace.call
        try:
            async with self.client.progress(f"Reading {call}", self._canceller(document, known.entry)) as progress:
                answer = await self._model.ask(
                    "surprise",
                    progress.hear,
                    source=run.trace.source,
                    trace=run.trace.to_json(),
                    model=document.settings.model.model_dump(),
                )
        except (UnavailableError, WorkerDied, Fault) as error:
            log.warning("the run of %s is shown without surprise: %s", call, error)
            answer = {"events": []}
        if known.recorded is run:
            known.recorded = replace(run, surprise=answer)
            self._show(document)

    def _canceller(self, document: Document, entry: Entry) -> Callable[[], object]:
        return lambda: self.cancel(document.uri, entry.qualname)

    def cancel(self, uri: str | None = None, name: str | None = None) -> int:
        """Cancel what is being done in a document, or for one function of it, or everywhere; gives how many jobs."""
        return self.jobs.cancel(
            lambda key: uri is None or (key[1] == uri and (name is None or key[0] == "sweep" or key[-1] == name))
        )

    def forget(self, uri: str, name: str | None = None) -> None:
        """Clear what is shown in a document, or of one function in it."""
        document = self.document(uri)
        self.cancel(uri, name)
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

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self.client.tell(message, lsp.MessageType.Warning)

    def _mourn(self, message: str) -> None:
        self._tell_once(f"{message}; it starts again when it is needed. If that does not help, see the server's log.")


class _Partial:
    """Shows a prediction while it is being made."""

    def __init__(
        self, document: Document, known: Known, anchor: Anchor, source: str, refresh: Callable[[], None]
    ) -> None:
        self._document = document
        self._known = known
        self._anchor = anchor
        self._source = source
        self._refresh = refresh
        self._events: list[Event] = []

    def hear(self, message: Message) -> None:
        """Take what the worker tells."""
        if "events" not in message or len(self._events) > _SHOWN_PARTLY:
            return
        self._events += [Event.from_json(event) for event in message["events"]]
        known, name = self._known, self._known.entry.qualname
        outcome = Outcome("truncated", detail="still being predicted")
        trace = Trace(
            name, known.call.expression, self._document.path, "predicted", self._source, tuple(self._events), outcome
        )
        known.predicted = Reading.of(trace.within_file()[0], Shape())
        known.anchor = _entered(self._anchor, known.entry, known.predicted)
        known.show_pinned()
        self._document.known[name] = known
        self._refresh()

    def forget(self) -> None:
        """Take it away, if nothing better has taken its place."""
        if self._document.known.get(self._known.entry.qualname) is self._known:
            del self._document.known[self._known.entry.qualname]
            self._refresh()


def _path(uri: str) -> str:
    """The file's path; the bare name of a document that has none."""
    return to_fs_path(uri) or uri.rpartition(":")[2]


def _lives(anchor: Anchor, name: str, document: Document) -> bool:
    """Whether the function that a job is about is as it was when the job began."""
    entry = document.entry_named(name)
    span = None if entry is None else anchor.span_of(entry.first_line)
    return span is not None and span.alive


def _entered(anchor: Anchor, entry: Entry, reading: Reading) -> Anchor:
    """The functions that a trace depends on."""
    return anchor.around({entry.first_line, *(event.line for event in reading.trace.events)})


def _log_fault(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a job failed", exc_info=error)
