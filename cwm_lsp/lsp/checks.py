"""Checks of open documents: which tests will pass, which calls crash their functions. Nobody waits for them.

They are made by a worker process of their own, after a document has been outlined and its calls predicted. What they
find is kept in `Document.checked`. On command tests are run, and what was told before is replaced by what happened.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp.checked import Crashing, Test
from cwm_lsp.lsp.documents import Document
from cwm_lsp.lsp.jobs import Jobs, log_fault
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.workers import Message, Worker
from cwm_lsp.verdicts.output import is_wrong
from cwm_lsp.verdicts.verdict import Verdict

log = logging.getLogger(__name__)

MINUTE = 60.0
ROUNDS = 2
"""How thoroughly a function is searched: at first, and when all others have been looked at."""
NEW = 0.1
"""Seconds between two times that new verdicts are shown."""


class Checks:
    """Starts checks, and keeps what they find."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        jobs: Jobs,
        show: Callable[[Document], None],
        died: Callable[[str], None],
    ) -> None:
        """`show` is told of documents of which more is known; `died` when a process dies."""
        self._documents = documents
        self._jobs = jobs
        self._show = show
        self._worker = Worker("checks", died)
        self._verifying = asyncio.Lock()
        self._spent: deque[tuple[float, float]] = deque()
        """When searches ended, and the seconds that they took."""
        self.ran = self.wrong = 0
        """Decided verdicts that were held against a run, and how many of them it contradicted."""

    def close(self) -> None:
        """End the process."""
        self._worker.close()

    def begin(self, document: Document) -> None:
        """Check a document whose outline is up to date."""
        settings, checked = document.settings, document.checked
        checks = settings.verdicts.enable or settings.crashes.enable
        if not settings.crashes.enable and checked.crashes:
            checked.crashes.clear()
            checked.searched.clear()
            self._show(document)
        if not settings.verdicts.enable and checked.tests:
            checked.tests.clear()
            checked.verified = None
            self._show(document)
        if checks and document.error is None:
            self._jobs.start(("check", document.uri), self._check(document)).add_done_callback(log_fault)

    async def _check(self, document: Document) -> None:
        try:
            if document.settings.verdicts.enable:
                await self.verify(document)
            if document.settings.crashes.enable:
                await self._search(document)
        except UnavailableError as error:
            log.warning("%s is not checked: %s", document.path, error)

    async def verify(self, document: Document) -> list[Test]:
        """The verdicts of all tests of a document.

        Raises:
            UnavailableError: the process has died.
            asyncio.CancelledError: an edit has made it stale.
        """
        async with self._verifying:  # who comes second has what the first one has found
            if document.checked.verified != document.revision:
                await self._verify(document)
        return list(document.checked.tests.values())

    async def _verify(self, document: Document) -> None:
        checked, revision = document.checked, document.revision
        found: dict[str, Test] = {}
        shown = time.monotonic()

        def on_message(message: Message) -> None:
            nonlocal shown
            if document.revision != revision:
                return
            tests = [Test.from_json(test) for test in message.get("tests", ())]
            found.update((test.verdict.test, test) for test in tests)
            checked.add_tests(tests)
            if time.monotonic() - shown > NEW:
                shown = time.monotonic()
                self._show(document)

        answer = await self._worker.ask("verdicts", on_message, **self._about(document))
        on_message(answer)
        if document.revision != revision:
            raise asyncio.CancelledError("the document was edited meanwhile")
        checked.tests = found
        checked.reads, checked.verified = frozenset(answer["reads"]), revision
        if found:
            self._show(document)

    async def _search(self, document: Document) -> None:
        """Look for crashes of a document's functions, the nearest to the cursor first, as far as there is time."""
        while (wanted := self._next(document)) is not None:
            entry, text, number = wanted
            rest = document.settings.crashes.seconds - self._spent_lately()
            if rest <= 0:
                await asyncio.sleep(MINUTE / 10)
                continue
            before, started = document.revision, time.monotonic()
            anchor = document.new_anchor()
            try:
                answer = await self._worker.ask(
                    "crashes",
                    **self._about(document),
                    function=entry.qualname,
                    round=number,
                    deliberate=document.settings.crashes.deliberate,
                )
            finally:
                self._spent.append((time.monotonic(), time.monotonic() - started))
            if document.revision != before:
                return
            checked = document.checked
            checked.searched[entry.qualname] = text, number
            found = [Crashing.from_json(crash, anchor) for crash in answer["crashes"]]
            had = bool(checked.crashes)
            checked.add_crashes(entry.qualname, [one for one in found if (text, one.crash.call) not in checked.refuted])
            if had or found:
                self._show(document)

    def _next(self, document: Document) -> tuple[Entry, str, int] | None:
        """The function to be searched next, its text, and how thoroughly."""
        if document.outlined != document.revision:
            return None
        at_cursor, searched = document.entry_at_cursor, document.checked.searched
        best: tuple[int, int, int] | None = None
        result = None
        for number, entry in enumerate(document.entries):
            if not entry.is_callable or entry.name.startswith("test_"):
                continue
            text = text_of(document, entry)
            known, before = searched.get(entry.qualname, ("", 0))
            time_round = before + 1 if known == text else 0
            rank = (time_round, 0 if entry is at_cursor else 1 if document.is_in_view(entry) else 2, number)
            if time_round < ROUNDS and (best is None or rank < best):
                best, result = rank, (entry, text, time_round)
        return result

    def _spent_lately(self) -> float:
        since = time.monotonic() - MINUTE
        while self._spent and self._spent[0][0] < since:
            self._spent.popleft()
        return sum(seconds for _, seconds in self._spent)

    async def run(self, document: Document, tests: Sequence[str] | None) -> list[Verdict]:
        """Run tests of a document, all or those named, because the user asks for it; their verdicts are replaced.

        Raises:
            UserError: the document is not saved, or there is no such test.
            UnavailableError: they cannot be run.
            asyncio.CancelledError: the user or an edit has cancelled it.
        """
        revision = document.revision
        known = {test.verdict.test: test for test in await self.verify(document)}
        chosen = [known[name] for name in tests or known if name in known]
        if not chosen:
            raise UserError(f"there are no such tests in {document.path}: nothing is run")
        said = [test.verdict.to_json() | {"predicted": None} for test in chosen]
        answer = await self._worker.ask(
            "run tests",
            **self._about(document),
            verdicts=said,
            chosen=tests is not None,
            timeout=document.settings.record.timeout,
        )
        if document.revision != revision:
            raise asyncio.CancelledError("the document was edited meanwhile")
        ran = [Verdict.from_json(row) for row in answer["verdicts"]]
        for verdict in ran:
            known[verdict.test].verdict = verdict
            if verdict.predicted in ("pass", "fail"):
                self.ran += 1
            if is_wrong(verdict):
                self.wrong += 1
                told = f"was predicted to {verdict.predicted}, and did not: {verdict.reason or 'it passes'}"
                log.warning("%s %s (%s of %s verdicts have been wrong)", verdict.test, told, self.wrong, self.ran)
        self._show(document)
        return ran

    def settle(self, document: Document, crash: Crashing, *, shown: bool | None) -> None:
        """A run has shown that a call crashes so, or that it does not; None where it does not tell."""
        if shown is False:
            log.warning("%s, it was told; a run did not show that", crash.crash)
            entry = document.entry_named(crash.crash.function)
            if entry is not None:
                document.checked.refuted.add((text_of(document, entry), crash.crash.call))
            document.checked.crashes = [one for one in document.checked.crashes if one is not crash]
        else:
            crash.confirmed = crash.confirmed or bool(shown)
        self._show(document)

    def _about(self, document: Document) -> dict[str, Any]:
        others = {other.path: other.text.whole for other in self._documents.values() if other is not document}
        python = document.settings.record.python
        return {"source": document.text.whole, "path": document.path, "python": python, "texts": others}


def text_of(document: Document, entry: Entry) -> str:
    """The lines of a function, as they are now."""
    start = document.anchor.at(entry.first_line)
    if start is None:
        return ""
    return "\n".join(document.text.line(start + at) for at in range(entry.last_line - entry.first_line + 1))
