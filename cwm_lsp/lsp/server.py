"""The language server: features registered, and little else. What they do is in `session`, `answers` and `commands`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, NoReturn

import psutil  # type: ignore[import-untyped]
from lsprotocol import types as lsp
from pygls.exceptions import FeatureRequestError, JsonRpcInternalError, JsonRpcInvalidParams

from cwm_lsp import __version__
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp import actions, answers, commands, repairing, requests
from cwm_lsp.lsp.client import Client
from cwm_lsp.lsp.connection import GONE, Connection, leave
from cwm_lsp.lsp.protocol import Ending, Protocol, converter
from cwm_lsp.lsp.session import Session

log = logging.getLogger(__name__)

_LOOK = 3.0
"""Seconds between two looks at whether the editor's process is still there."""
_GOODBYE = 3.0
"""Seconds after the editor has gone in which the loop has to see it."""
_SWITCH = 0.0005
"""Seconds for which a thread that reads a worker's long answer may keep the editor waiting."""
_INTERRUPTED = 130
_ANSWERS: Mapping[str, Callable[[Session, Any], Any]] = {
    lsp.TEXT_DOCUMENT_INLAY_HINT: answers.inlay_hints,
    lsp.INLAY_HINT_RESOLVE: answers.resolve_inlay_hint,
    lsp.TEXT_DOCUMENT_HOVER: answers.hover,
    lsp.TEXT_DOCUMENT_CODE_LENS: answers.code_lenses,
    lsp.TEXT_DOCUMENT_CODE_ACTION: actions.code_actions,
    lsp.TEXT_DOCUMENT_INLINE_VALUE: answers.inline_values,
    lsp.TEXT_DOCUMENT_DIAGNOSTIC: answers.diagnostics,
}
"""Requests that are answered at once, from what is known."""


class Server(Ending):
    """pygls' server, and the session of the editor that it serves."""

    protocol: Protocol

    def __init__(self, connection: Connection, params: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        """`params` of `initialize`, which has been answered; `flags` are settings from the command line."""
        super().__init__("cwm-lsp", __version__, protocol_cls=Protocol, converter_factory=converter)
        self.protocol.set_writer(connection)
        self.session = Session(Client(self, params), params, flags)
        _register_session(self)
        _register_documents(self)
        _register_debugging(self)
        _register_looking(self)
        for method, answer in _ANSWERS.items():
            self.feature(method)(_answer(self, answer))
        for name in commands.COMMANDS:
            self.command(name)(_command(self, name))
        self.feature(lsp.CODE_ACTION_RESOLVE)(_resolver(self))
        for method in (*requests.REQUESTS, *requests.FORMER_NAMES):
            self.feature(method)(_request(self, method))

    def end(self) -> NoReturn:
        """End the process, and those that work for it."""
        try:
            self.session.end()
        finally:
            leave(0 if self.protocol.said_goodbye else GONE)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what is a fault of ours, as pygls logs whatever is answered with an error, or shows it to the user."""
        if isinstance(error, JsonRpcInternalError):
            data: Any = error.data
            log.error("%s\n%s", error, "".join(data["traceback"]))
        elif source is not FeatureRequestError:
            log.error("%s", error, exc_info=error)


async def serve(
    connection: Connection,
    bodies: Iterator[bytes],
    params: Mapping[str, Any],
    flags: Mapping[str, Any],
    editor: psutil.Process | None,
) -> NoReturn:
    """Serve an editor from its `initialize` on, whose parameters these are; `bodies` are the messages that follow.

    `editor` is its process, with which the server ends, also where the connection stays open.
    """
    # What is less than a warning goes to the editor alone, which need not read our stderr.
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[stderr], level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # see `Server.report_server_error`
    loop = asyncio.get_running_loop()
    server = Server(connection, params, flags)
    gc.freeze()  # What was imported stays. Each look of the collector at it would keep the editor waiting.
    sys.setswitchinterval(_SWITCH)
    gone = asyncio.Event()

    def listen() -> None:
        for body in bodies:
            loop.call_soon_threadsafe(server.protocol.receive, body)
        loop.call_soon_threadsafe(gone.set)
        threading.Event().wait(_GOODBYE)
        leave(GONE)

    threading.Thread(target=listen, name="editor", daemon=True).start()
    try:
        while not gone.is_set() and (editor is None or editor.is_running()):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(gone.wait(), _LOOK)
    except asyncio.CancelledError:
        leave(_INTERRUPTED)
    server.end()


def _register_session(server: Server) -> None:
    session = server.session

    @server.feature(lsp.INITIALIZED)
    async def initialized(_params: lsp.InitializedParams) -> None:
        await session.configure()
        await session.client.register()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration_changed(params: lsp.DidChangeConfigurationParams) -> None:
        await session.configure(params.settings)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        session.folders_changed(params.event)
        await session.configure()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def files_changed(params: lsp.DidChangeWatchedFilesParams) -> None:
        session.files_changed([change.uri for change in params.changes])
        if any(change.uri.endswith("/pyproject.toml") for change in params.changes):
            await session.configure()

    @server.feature(lsp.SET_TRACE)
    def trace_set(params: lsp.SetTraceParams) -> None:
        session.set_trace(params.value)

    @server.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def progress_cancelled(params: lsp.WorkDoneProgressCancelParams) -> None:
        session.client.cancelled(params.token)

    @server.feature(lsp.SHUTDOWN)
    def shutdown(_params: None) -> None:
        session.end()


def _register_debugging(server: Server) -> None:
    @server.feature("cwm/debugStopped")
    def stopped(params: Any) -> None:
        server.session.debugging.stopped(params)

    @server.feature("cwm/debugContinued")
    def continued(params: Any) -> None:
        server.session.debugging.continued(params)

    @server.feature("cwm/debugTerminated")
    def terminated(params: Any) -> None:
        server.session.debugging.terminated(params)


def _register_looking(server: Server) -> None:
    @server.feature("cwm/cursor")
    def looked_at(params: Any) -> None:
        """`{uri, line, first, last}`: the cursor's line and those that are seen, 0-based."""
        with contextlib.suppress(KeyError, TypeError, ValueError):
            uri, line, first, last = (params[name] for name in ("uri", "line", "first", "last"))
            server.session.sweeps.looked_at(str(uri), int(line), range(int(first), int(last) + 1))


def _register_documents(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.session.opened(params.text_document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.session.changed(params.text_document.uri, params.text_document.version, list(params.content_changes))

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.session.saved(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.session.closed(params.text_document.uri)


def _answer(server: Server, answer: Callable[[Session, Any], Any]) -> Callable[[Any], Any]:
    return lambda params: answer(server.session, params)


def _resolver(server: Server) -> Callable[[lsp.CodeAction], Coroutine[Any, Any, lsp.CodeAction]]:
    async def resolved(action: lsp.CodeAction) -> lsp.CodeAction:
        return await repairing.resolve(server.session, action)

    return resolved


def _request(server: Server, method: str) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    async def request(params: Any) -> Any:
        try:
            answered = requests.REQUESTS[requests.FORMER_NAMES.get(method, method)]
            return await answered(server.session, commands.target_of(method, [params]))
        except (UserError, UnavailableError) as error:
            raise JsonRpcInvalidParams(str(error)) from None

    return request


def _command(server: Server, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def command(*arguments: Any) -> Any:
        try:
            target = commands.target_of(name, arguments)
        except UserError as error:
            raise JsonRpcInvalidParams(str(error)) from None
        running, request = server.protocol.commands, server.protocol.msg_id
        task = asyncio.current_task()
        assert task is not None
        running[request] = task
        try:
            return await commands.execute(server.session, commands.COMMANDS[name], target)
        finally:
            del running[request]

    return command
