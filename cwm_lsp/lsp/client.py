"""The editor at the other end: what it can do, and what is said to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from cwm_lsp.errors import UserError
from cwm_lsp.lsp.handshake import capability, links_codes, position_encoding, pulls_diagnostics
from cwm_lsp.lsp.text import Encoding
from cwm_lsp.settings import SECTION

if TYPE_CHECKING:
    from cwm_lsp.search.inserting import Insertion

log = logging.getLogger(__name__)

_COALESCE = 0.03
"""Seconds for which wishes to refresh are collected: a refresh makes the editor ask again for every open file."""
_PATIENCE = 0.4
"""Seconds that work may take before its progress is shown."""


class Client:
    """Asks and tells the editor, within what it said it can do when the session began."""

    def __init__(self, server: LanguageServer, params: Mapping[str, Any]) -> None:
        """`params` of `initialize`, in which the editor says what it can do."""
        self._server = server
        self._params = params
        self._refreshing: asyncio.TimerHandle | None = None
        self._tokens = itertools.count(1)
        self._cancels: dict[str, Callable[[], object]] = {}
        self.links_codes = links_codes(params)
        self.trace: str = lsp.TraceValue.Off
        """What `$/setTrace` asks for: unless off, all that is logged is also sent to the editor, as `$/logTrace`."""

    def _can(self, *path: str) -> Any:
        return capability(self._params, *path)

    @cached_property
    def encoding(self) -> Encoding:
        """The units of positions, as agreed on."""
        return position_encoding(self._params)

    @cached_property
    def follows_links(self) -> bool:
        """`command:` links in a hover work; as all of `experimental.cwm`, this is what our own clients say."""
        return bool(self._can("experimental", "cwm", "commandLinks"))

    @cached_property
    def shows_traces(self) -> bool:
        """It shows what `cwm.showTrace` returns by itself."""
        return bool(self._can("experimental", "cwm", "showsTraces"))

    def knows_command(self, name: str) -> bool:
        """It carries out this command of a lens or a code action by itself."""
        commands = self._can("experimental", "cwm", "commands")
        return isinstance(commands, list) and name in commands

    @cached_property
    def can_choose(self) -> bool:
        """It shows a message with buttons."""
        return self._can("window", "showMessage") is not None

    @cached_property
    def pulls_diagnostics(self) -> bool:
        """It asks for diagnostics, also when it is told that there are others; so none are pushed to it."""
        return pulls_diagnostics(self._params)

    @cached_property
    def reads_markdown(self) -> bool:
        """Its hovers may be Markdown."""
        return "markdown" in (self._can("textDocument", "hover", "contentFormat") or ())

    @cached_property
    def shows_documents(self) -> bool:
        return bool(self._can("window", "showDocument", "support"))

    @cached_property
    def has_configuration(self) -> bool:
        """It answers `workspace/configuration`."""
        return bool(self._can("workspace", "configuration"))

    def tell(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        """Show one line to the user."""
        self._server.window_show_message(lsp.ShowMessageParams(kind, message))

    async def choose(self, question: str, choices: Sequence[str]) -> str | None:
        """Have the user choose; None if the question was put away."""
        answer = await self._server.window_show_message_request_async(
            lsp.ShowMessageRequestParams(
                lsp.MessageType.Info, question, [lsp.MessageActionItem(choice) for choice in choices]
            )
        )
        return answer.title if answer is not None else None

    async def configuration(self, scopes: Sequence[str]) -> dict[str, Any]:
        """The editor's settings of folders, by their URIs; of what it does not answer, nothing."""
        items = [lsp.ConfigurationItem(scope_uri=scope or None, section=SECTION) for scope in scopes]
        try:
            told = await self._server.workspace_configuration_async(lsp.ConfigurationParams(items))
        except Exception:
            log.exception("the editor did not tell its configuration")
            return {}
        return dict(zip(scopes, told, strict=False))

    async def register(self) -> None:
        """Ask to be told when settings change, of an editor that tells only those who ask."""
        wishes: list[tuple[str, Any]] = []
        if self._can("workspace", "didChangeConfiguration", "dynamicRegistration"):
            options = lsp.DidChangeConfigurationRegistrationOptions(SECTION)
            wishes.append((lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, options))
        if self._can("workspace", "didChangeWatchedFiles", "dynamicRegistration"):
            watched = lsp.DidChangeWatchedFilesRegistrationOptions(
                [lsp.FileSystemWatcher("**/*")]  # predictions read whatever a program reads
            )
            wishes.append((lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, watched))
        if wishes:
            registrations = [lsp.Registration(method, method, options) for method, options in wishes]
            await self._server.client_register_capability_async(lsp.RegistrationParams(registrations))

    async def show_document(self, uri: str) -> None:
        await self._server.window_show_document_async(lsp.ShowDocumentParams(uri, take_focus=True))

    async def insert(self, made: Insertion, opened: str | None) -> None:
        """Put a test into a file, as an edit that the user can undo. `opened` is the file's text if it is open.

        Raises:
            UserError: the editor does not make the edit.
        """
        uri = made.path.as_uri()
        text = opened if opened is not None else made.path.read_text(encoding="utf-8") if not made.is_new else ""
        end = lsp.Position(text.count("\n"), len(text.rpartition("\n")[2]))
        first = lsp.Position(made.line, 0)
        parts: list[lsp.TextEdit] = []
        if made.imports:
            parts.append(lsp.TextEdit(lsp.Range(first, first), made.imports))
        parts.append(lsp.TextEdit(lsp.Range(end, end), made.test))
        edit = lsp.WorkspaceEdit({uri: parts})
        if made.is_new:
            whole = lsp.TextEdit(lsp.Range(first, first), made.imports + made.test)
            edit = lsp.WorkspaceEdit({uri: [whole]})
            if "create" in (self._can("workspace", "workspaceEdit", "resourceOperations") or ()):
                about = lsp.OptionalVersionedTextDocumentIdentifier(uri)
                edit = lsp.WorkspaceEdit(document_changes=[lsp.CreateFile(uri), lsp.TextDocumentEdit(about, [whole])])
        answer = await self._server.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, "Insert as a test"))
        if not answer.applied:
            raise UserError(
                f"the editor did not put the test into {made.path.name}: {answer.failure_reason or 'no reason'}"
            )
        if self.shows_documents:
            await self.show_document(uri)

    def log(self, kind: lsp.MessageType, message: str) -> None:
        """A line for the editor's log of the server."""
        if self.trace != lsp.TraceValue.Off:
            self._server.protocol.notify(lsp.LOG_TRACE, lsp.LogTraceParams(message))
        elif kind != lsp.MessageType.Log:
            self._server.window_log_message(lsp.LogMessageParams(kind, message))

    def notify(self, method: str, params: Any) -> None:
        """A notification of our own, for clients that know it."""
        self._server.protocol.notify(method, params)

    def publish(self, uri: str, version: int | None, diagnostics: list[lsp.Diagnostic]) -> None:
        """Push diagnostics, to clients that do not ask for them."""
        if not self.pulls_diagnostics:
            self._server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, diagnostics, version))

    def refresh(self) -> None:
        """Have the editor ask again for everything that it shows of us, soon."""
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().call_later(_COALESCE, self._refresh)

    def _refresh(self) -> None:
        self._refreshing = None
        server = self._server
        if self._can("workspace", "inlayHint", "refreshSupport"):
            server.workspace_inlay_hint_refresh(None)
        self.refresh_lenses()
        if self._can("workspace", "inlineValue", "refreshSupport"):
            server.workspace_inline_value_refresh(None)
        if self.pulls_diagnostics:
            server.workspace_diagnostic_refresh(None)

    def refresh_lenses(self) -> None:
        """Have the editor ask again for lenses."""
        if self._can("workspace", "codeLens", "refreshSupport"):
            self._server.workspace_code_lens_refresh(None)

    def progress(self, title: str, cancel: Callable[[], object]) -> Progress:
        """Progress of some work that the user can cancel. It shows only if the work takes a moment."""
        can_show = bool(self._can("window", "workDoneProgress"))
        return Progress(self._server, f"cwm-{next(self._tokens)}", title, cancel, self._cancels, can_show)

    def cancelled(self, token: lsp.ProgressToken) -> None:
        """The user has clicked on a progress's cancel button."""
        cancel = self._cancels.get(str(token))
        if cancel is not None:
            cancel()


class ClientLog(logging.Handler):
    """Sends what is logged to the editor, from whatever thread."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._client.log, _kind(record.levelno), self.format(record))


def _kind(level: int) -> lsp.MessageType:
    if level >= logging.ERROR:
        return lsp.MessageType.Error
    if level >= logging.WARNING:
        return lsp.MessageType.Warning
    return lsp.MessageType.Info if level >= logging.INFO else lsp.MessageType.Log


class Progress:
    """`$/progress` of one piece of work; a context manager."""

    def __init__(
        self,
        server: LanguageServer,
        token: str,
        title: str,
        cancel: Callable[[], object],
        cancels: dict[str, Callable[[], object]],
        can_show: bool,
    ) -> None:
        self._server = server
        self._token = token
        self._title = title
        self._cancel = cancel
        self._cancels = cancels
        self._can_show = can_show
        self._stage = self._message = ""
        self._events = 0
        self._beginning: asyncio.Task[None] | None = None
        self._begun = False

    async def __aenter__(self) -> Progress:
        if self._can_show:
            self._cancels[self._token] = self._cancel
            self._beginning = asyncio.ensure_future(self._begin())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beginning is None:
            return
        del self._cancels[self._token]
        self._beginning.cancel()
        if self._begun:
            self._notify(lsp.WorkDoneProgressEnd())

    def on_message(self, told: Mapping[str, Any]) -> None:
        """Take what a worker tells: the stage that the work is at, and the events that there are."""
        self._stage = told.get("stage", self._stage)
        self._events += len(told.get("events", ()))
        message = f"{self._stage}, {self._events} events" if self._events else self._stage
        if message != self._message:
            self._message = message
            if self._begun:
                self._notify(lsp.WorkDoneProgressReport(message=message))

    async def _begin(self) -> None:
        await asyncio.sleep(_PATIENCE)
        try:
            await self._server.window_work_done_progress_create_async(lsp.WorkDoneProgressCreateParams(self._token))
        except Exception:
            log.exception("the editor refuses to show progress")
            return
        self._begun = True
        self._notify(lsp.WorkDoneProgressBegin(self._title, cancellable=True, message=self._message or None))

    def _notify(self, value: Any) -> None:
        self._server.protocol.notify(lsp.PROGRESS, lsp.ProgressParams(self._token, value))
