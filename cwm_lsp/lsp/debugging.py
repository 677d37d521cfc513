"""The debug session that the user's editor is running, held against the prediction of what it debugs.

The editor tells where it stops (`cwm/debugStopped`, see `record.live.Stop`), goes on (`cwm/debugContinued`) and ends
(`cwm/debugTerminated`). It is told what each stop says about the prediction (`cwm/debugStep`); the same shows in inline
values and diagnostics. What the stops show is remembered by later predictions.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp.errors import UserError
from cwm_lsp.lsp.documents import Document, KnownCall, Stopped, moved
from cwm_lsp.lsp.views.hints import DIFFERENT, PREDICTED
from cwm_lsp.lsp.views.shorten import shorten
from cwm_lsp.record.live import Difference, Live, Step, Stop
from cwm_lsp.record.seen import Seen
from cwm_lsp.source.files import read_source
from cwm_lsp.trace.facts import facts

if TYPE_CHECKING:
    from cwm_lsp.lsp.views.reading import ShownTrace
    from cwm_lsp.trace.events import Trace

log = logging.getLogger(__name__)

_VALUE = 40
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A stop that was not as predicted."""

    uri: str
    line: int
    """0-based."""
    revision: int
    """Of the document: what is found holds for its text as it was debugged."""
    message: str


class Debugging:
    """Follows the editor's debug sessions."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        tell: Callable[[str, Any], None],
        show: Callable[[Document], None],
        over: Callable[[], None],
    ) -> None:
        """`tell` sends a notification to the editor; `show` is called where something new is known of a document, and
        `over` when a session has ended."""
        self._documents = documents
        self._tell = tell
        self._show = show
        self._over = over
        self._seen = Seen(_text_of)
        self._aside = ThreadPoolExecutor(1, "debug stops")
        """Reads what the sessions show, in its order."""
        self._is_kept = True
        self._live = Live(self._prediction)
        self._asked: KnownCall | None = None
        """What the last question for a prediction was answered with."""
        self._followed: dict[str, KnownCall] = {}
        """By session, the call that it is held against."""
        self._stops: dict[str, tuple[str, Step, str]] = {}
        self._findings: dict[str, list[Finding]] = {}
        self._ended: set[str] = set()
        """Sessions that have been told that the prediction ends before them."""

    def stopped(self, params: Mapping[str, Any]) -> None:
        """A session has stopped (`cwm/debugStopped`)."""
        try:
            stop = Stop.from_json(params)
        except (KeyError, ValueError, TypeError) as error:
            log.warning("cwm/debugStopped is not understood: %s", error)
            return
        self._asked = None
        step = self._live.stopped(stop)
        document = self._document(stop.path)
        if document is not None and document.settings.record.remember:
            self._aside.submit(self._seen.stopped, stop)
            self._is_kept = False
        if self._asked is not None:
            self._let_go(stop.session)
            self._followed[stop.session] = self._asked
        known = self._followed.get(stop.session)
        if step is None or document is None or known is None or known.predicted is None:
            return
        message = message_of(step, known.predicted)
        if step.kind == "beyond":
            message = "" if stop.session in self._ended else message
            self._ended.add(stop.session)
        self._stops[stop.session] = document.uri, step, message
        if _is_problem(step, known.predicted):
            finding = Finding(document.uri, stop.line - 1, document.revision, message)
            found = self._findings.setdefault(stop.session, [])
            if finding not in found:
                found.append(finding)
        _follow(known, step, None if any(known is one for one in document.known.values()) else document.path)
        if message:
            self._tell("cwm/debugStep", {"uri": document.uri, "message": message, **step.to_json()})
        self._show(document)

    def continued(self, params: Mapping[str, Any]) -> None:
        """A session runs again (`cwm/debugContinued`)."""
        session = str(params.get("session"))
        self._live.continued(session)
        self._stops.pop(session, None)

    def terminated(self, params: Mapping[str, Any]) -> None:
        """A session has ended (`cwm/debugTerminated`)."""
        session = str(params.get("session"))
        self._live.terminated(session)
        self._aside.submit(self._seen.terminated, session)
        self._stops.pop(session, None)
        self._ended.discard(session)
        followed = self._let_go(session)
        findings = self._findings.pop(session, [])
        about = [uri for uri, document in self._documents.items() if followed in document.known.values()]
        document = self._documents.get(findings[0].uri if findings else next(iter(about), ""))
        if document is not None:
            self._show(document)
        self._over()

    def _let_go(self, session: str) -> KnownCall | None:
        """The call that a session was held against is shown as before."""
        known = self._followed.pop(session, None)
        if known is not None:
            known.is_other_call = False
            known.show_pinned()
        return known

    async def keep(self) -> set[tuple[str, str]]:
        """Keep what sessions have shown since the last time, so that it is remembered: paths and functions of that."""
        if self._is_kept:
            return set()
        self._is_kept = True
        return await asyncio.wrap_future(self._aside.submit(_keep, self._seen))

    def findings(self, document: Document) -> list[Finding]:
        """What sessions that are not over have found in a document, as far as its text is still the one debugged."""
        return [
            finding
            for findings in self._findings.values()
            for finding in findings
            if finding.uri == document.uri and finding.revision == document.revision
        ]

    def at(self, uri: str, line: int) -> str | None:
        """What the stop at a 0-based line tells."""
        for where, step, message in self._stops.values():
            if where == uri and step.stop.line == line + 1:
                return message or None
        return None

    def _document(self, path: str) -> Document | None:
        path = os.path.normcase(path)
        return next((one for one in self._documents.values() if os.path.normcase(one.path) == path), None)

    def _prediction(self, path: str, function: str) -> Trace | None:
        """What is predicted of a function: a call of its own, else one that comes to it, also of another file's."""
        document = self._document(path)
        if document is None:
            return None
        others = [one for one in self._documents.values() if one is not document]
        known_ones = [(one, known) for one in (document, *others) for known in one.known.values()]

        def rank(item: tuple[Document, KnownCall]) -> bool:
            return item[0] is not document or item[1].entry.name != function

        for about, known in sorted(known_ones, key=rank):
            if known.predicted is None:
                continue
            whole, where = known.predicted.all[0], None if about is document else document.path
            if any((event.path, event.function) == (where, function) for event in whole.events):
                self._asked = known
                return moved(whole, known.anchor, about.text.whole)
        return None


def _keep(seen: Seen) -> set[tuple[str, str]]:
    from cwm_lsp.jobs import keep

    traces = seen.take()
    for trace in traces:
        keep(trace)
    return {(trace.path, trace.function) for trace in traces}


def _text_of(path: str) -> str | None:
    """What a debugger reads: the file, whatever the editor has of it."""
    try:
        return read_source(Path(path))
    except UserError:
        return None


def message_of(step: Step, predicted: ShownTrace) -> str:
    """What a stop tells, in one line."""
    told = ", ".join(_told(difference) for difference in step.differences)
    match step.kind:
        case "as-predicted":
            return "as predicted"
        case "value":
            return told
        case "control-flow":
            expected = f"line {step.expected.line} was predicted" if step.expected is not None else "not predicted"
            return f"the run came here, {expected}"
        case "exception":
            return "an exception, where none was predicted"
        case "other-call":
            return f"not the predicted call: {told}" if told else "not the predicted call"
        case "beyond":
            end = predicted.end
            return f"predicted up to line {end.line}: {end.why}" if end is not None else "the prediction ends before"


def _is_problem(step: Step, predicted: ShownTrace) -> bool:
    """Whether the stop contradicts what had been computed, and not only what was guessed."""
    if step.kind not in ("value", "control-flow", "exception"):
        return False
    trace = predicted.all[0]
    known = facts(trace)
    return step.event_index < known if step.event_index is not None else known == len(trace.events)


def _follow(known: KnownCall, step: Step, path: str | None) -> None:
    """Show a call as of where the debugger is in it: in the file of that `path`, or its own."""
    known.is_other_call = step.kind == "other-call"
    reading, index = known.reading, step.event_index
    if reading is None or index is None:
        return
    if reading is not known.predicted:  # a run of it is shown: the stop is at the same visit of the line there
        line = step.stop.line if path is not None else known.anchor.back(step.stop.line - 1)
        place = "line", step.stop.function, line, path
        events = enumerate(reading.all[0].events)
        same = [at for at, event in events if (event.kind, event.function, event.line, event.path) == place]
        if step.hit > len(same):
            return
        index = same[step.hit - 1]
    differences = {
        one.name: (one.predicted, one.actual)
        for one in step.differences
        if one.predicted is not None and one.actual is not None
    }
    known.stop(Stopped(index, path, differences))


def _told(difference: Difference) -> str:
    if difference.predicted is None:
        return f"{difference.name} = {shorten(difference.actual or '', _VALUE)} was not predicted"
    if difference.actual is None:
        return f"{difference.name} {PREDICTED} {shorten(difference.predicted, _VALUE)} is not there"
    likely, actual = shorten(difference.predicted, _VALUE), shorten(difference.actual, _VALUE)
    return f"{difference.name} {PREDICTED} {likely} {DIFFERENT} {actual}"
