"""Predictions and runs of calls, and what surprises a model of a run: asked of the workers, kept in the documents."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp.anchor import TrackedSpans
from cwm_lsp.lsp.client import Client
from cwm_lsp.lsp.debugging import Debugging
from cwm_lsp.lsp.documents import Document, KnownCall, moved
from cwm_lsp.lsp.jobs import Jobs, log_fault
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.readings import read, with_trace
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.lsp.views.status import summary
from cwm_lsp.lsp.workers import Fault, Message, Worker, WorkerDied
from cwm_lsp.source.calls import Call
from cwm_lsp.source.prepared import one_line
from cwm_lsp.trace.events import Event, Outcome, Provenance, Trace
from cwm_lsp.trace.facts import NOT_ENTERED, is_fact
from cwm_lsp.trace.scopes import within_file

log = logging.getLogger(__name__)

_FAST = 1.0
"""Seconds under which a model predicts fast enough to be started by typing."""
_TRIED = 3
"""Predictions by the model before that is judged: the first ones are slow everywhere."""
_SHOWN_PARTLY = 500
"""Events of a prediction that are shown while it is being made."""


class NotEntered(UserError):
    """A call does not get into the function that it is offered for."""


class Predictions:
    """Makes predictions and runs, and keeps what comes of them in the documents."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        jobs: Jobs,
        client: Client,
        model: Worker,
        tools: Worker,
        debugging: Debugging,
        show: Callable[[Document], None],
    ) -> None:
        """`model` is the process that has the model, `tools` the one that runs; `show` is told of documents of which
        more is known."""
        self._documents = documents
        self._jobs = jobs
        self._client = client
        self._model = model
        self._tools = tools
        self._debugging = debugging
        self._show = show
        self.unavailable = ""
        """Why the model could not be had when it was last wanted; empty if it could."""
        self._durations: deque[float] = deque(maxlen=5)

    @property
    def is_fast(self) -> bool:
        """Whether the model predicts fast enough to be started by typing, as far as it has been tried."""
        return len(self._durations) < _TRIED or sorted(self._durations)[len(self._durations) // 2] < _FAST

    def model_changed(self) -> None:
        """Another model is used, or a new process has it."""
        self._durations.clear()
        self.unavailable = ""

    async def predict(self, document: Document, entry: Entry, call: Call, *, only_computed: bool = False) -> KnownCall:
        """Predict a call; `only_computed`: it is known only if all of it can be computed, and it returns.

        Raises:
            UserError, UnavailableError: it cannot be predicted.
            asyncio.CancelledError: the user, an edit or a newer job of the same function has cancelled it.
        """
        started = time.monotonic()
        self.interrupt_reading()
        settings = document.settings.predict
        source = document.text.whole
        anchor = document.pending[entry.qualname] = document.new_anchor()
        pins = document.pins.setdefault(entry.qualname, {})
        begun = KnownCall(entry, call, anchor, partial=True, pins=pins)
        partial = _Partial(document, begun, anchor, source, self._client.refresh)

        def on_message(message: Message) -> None:
            progress.on_message(message)
            if not only_computed:
                partial.on_message(message)

        try:
            await self._debugging.keep()
            async with self._client.progress(
                f"Predicting {one_line(call.expression)}", self._canceller(document, entry)
            ) as progress:
                answer = await self._model.ask(
                    "predict",
                    on_message,
                    source=source,
                    path=document.path,
                    function=entry.qualname,
                    call=call.expression,
                    made_up=call.origin == "defaults",
                    python=document.settings.record.python,
                    scope=document.settings.record.scope,
                    texts={other.path: other.text.whole for other in self._documents.values() if other is not document},
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
            known = KnownCall(entry, call, _entered(anchor, entry, reading), predicted=reading, pins=pins)
            known.asked = asked
            known.is_made_up = only_computed
            known.show_pinned()
            if not known.anchor.alive:
                raise asyncio.CancelledError("a function that the trace enters was edited meanwhile")
        finally:
            partial.forget()
            if document.pending.get(entry.qualname) is anchor:
                del document.pending[entry.qualname]
        self.unavailable = ""
        if reading.trace.stats.forward_passes:  # what is computed is cheap, also where the machine is busy
            self._durations.append(reading.trace.stats.seconds)
        document.known.pop(entry.qualname, None)
        document.known[entry.qualname] = known
        log.info("%s", summary(reading.trace, time.monotonic() - started))
        self._show(document)
        if document.pinned.get(entry.qualname):
            await self.look(document, known)
            self._show(document)
        return known

    async def run(self, document: Document, entry: Entry, call: Call) -> KnownCall:
        """Run a call, and hold the run against its prediction, made first if need be. Raises what `predict` does."""
        known = document.known.get(entry.qualname)
        if known is None or known.partial or known.predicted is None or call not in (known.call, known.asked):
            known = await self.predict(document, entry, call)
        assert known.predicted is not None
        call = known.call
        settings = document.settings.record
        source = document.text.whole
        predicted = moved(known.predicted.all[0], known.anchor, source)
        anchor = document.pending[entry.qualname] = document.new_anchor()
        try:
            async with self._client.progress(
                f"Running {one_line(call.expression)}", self._canceller(document, entry)
            ) as progress:
                answer = await self._tools.ask(
                    "run",
                    progress.on_message,
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
        known.ran = datetime.now(timezone.utc)
        document.ran(entry, call, known.ran)
        known.predicted = with_trace(known.predicted, predicted)
        known.anchor = entered
        known.show_pinned()
        self._show(document)
        if document.pinned.get(entry.qualname):
            await self.look(document, known)
            self._show(document)
        return known

    async def look(self, document: Document, known: KnownCall) -> None:
        """Find out what the pinned expressions of a function are at the lines of what is shown of its call."""
        reading, expressions = known.reading, list(document.pinned.get(known.entry.qualname, ()))
        if reading is None:
            return
        found: Mapping[str, list[tuple[int, str, Provenance]]] = {}
        if expressions:
            trace = reading.all[0]
            try:
                answer = await self._model.ask(
                    "look",
                    source=trace.source,
                    trace=trace.to_json(),
                    expressions=expressions,
                    settings=document.settings.model_dump(),
                )
                found = answer["pinned"]
            except (UserError, UnavailableError, WorkerDied, Fault) as error:
                log.warning("%s is shown without what is pinned: %s", trace.call, error)
        within = reading.whole.within if reading.whole is not None else int
        pinned = {name: {within(index): (text, source) for index, text, source in rows} for name, rows in found.items()}
        if known.recorded is reading:
            known.recorded = replace(reading, pinned=pinned)
        elif known.predicted is reading:
            known.predicted = replace(reading, pinned=pinned)
        known.show(known.selection)

    def read_surprises(self, document: Document) -> None:
        """Have the model tell what surprises it of the runs of a document; nobody waits for that."""
        for name, known in document.known.items():
            run = known.recorded
            if run is not None and run.surprise is None and not self._jobs.has(("surprise", document.uri, name)):
                task = self._jobs.start(("surprise", document.uri, name), self._read_surprise(document, known, run))
                task.add_done_callback(log_fault)

    def interrupt_reading(self) -> None:
        """What is waited for overtakes: the model is free after its next forward pass."""
        self._jobs.cancel(lambda key: key[0] == "surprise")

    async def _read_surprise(self, document: Document, known: KnownCall, run: ShownTrace) -> None:
        """Have the model tell what of a run surprises it. The run is answered and shown before, and without that if
        need be."""
        call = run.trace.call
        try:
            async with self._client.progress(f"Reading {call}", self._canceller(document, known.entry)) as progress:
                answer = await self._model.ask(
                    "surprise",
                    progress.on_message,
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

    async def problem_of(self, document: Document, entry: Entry, call: str) -> str | None:
        """Why a call does not fit a function; None if it does."""
        answer = await self._tools.ask(
            "check call", source=document.text.whole, path=document.path, function=entry.qualname, call=call
        )
        problem: str | None = answer["problem"]
        return problem

    async def side_by_side(self, known: KnownCall) -> Message:
        """What `trace.side_by_side` makes of the traces of a call."""
        assert known.reading is not None
        predicted, recorded = (reading and reading.all[0].to_json() for reading in (known.predicted, known.recorded))
        source = known.reading.trace.source
        return await self._tools.ask("side by side", source=source, predicted=predicted, recorded=recorded)

    def _canceller(self, document: Document, entry: Entry) -> Callable[[], object]:
        return lambda: self._jobs.cancel_for(document.uri, entry.qualname)


class _Partial:
    """Shows a prediction while it is being made."""

    def __init__(
        self, document: Document, known: KnownCall, anchor: TrackedSpans, source: str, refresh: Callable[[], None]
    ) -> None:
        self._document = document
        self._known = known
        self._anchor = anchor
        self._source = source
        self._refresh = refresh
        self._events: list[Event] = []

    def on_message(self, message: Message) -> None:
        """Take what the worker tells."""
        if "events" not in message or len(self._events) > _SHOWN_PARTLY:
            return
        self._events += [Event.from_json(event) for event in message["events"]]
        known, name = self._known, self._known.entry.qualname
        outcome = Outcome("truncated", detail="still being predicted")
        trace = Trace(
            name, known.call.expression, self._document.path, "predicted", self._source, tuple(self._events), outcome
        )
        known.predicted = ShownTrace.of(within_file(trace)[0], Shape())
        known.anchor = _entered(self._anchor, known.entry, known.predicted)
        known.show_pinned()
        self._document.known[name] = known
        self._refresh()

    def forget(self) -> None:
        """Take it away, if nothing better has taken its place."""
        if self._document.known.get(self._known.entry.qualname) is self._known:
            del self._document.known[self._known.entry.qualname]
            self._refresh()


def _entered(anchor: TrackedSpans, entry: Entry, reading: ShownTrace) -> TrackedSpans:
    """The functions that a trace depends on."""
    return anchor.around({entry.first_line, *(event.line for event in reading.trace.events)})
