"""The language server: features registered, and nothing else. What they do is in `session`, `answers` and `commands`.

Those are imported when the editor has been answered its first request, as it waits for that at every start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, default_converter
from pygls.protocol.language_server import lsp_method
from pygls.uris import to_fs_path

from cwm_lsp import __version__
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp.client import Client, pulls_diagnostics

if TYPE_CHECKING:
    from cwm_lsp.lsp.documents import Document
    from cwm_lsp.lsp.session import Session

COMMANDS = (
    "cwm.predict",
    "cwm.predictThenRun",
    "cwm.clear",
    "cwm.cancel",
    "cwm.calls",
    "cwm.selectCall",
    "cwm.nextIteration",
    "cwm.previousIteration",
    "cwm.showTrace",
    "cwm.restartModel",
    "cwm.doctor",
)
"""As in `commands.COMMANDS`, told to the editor before that is imported."""

REQUESTS = ("cwm/trace", "cwm/unreached", "cwm/launch")
"""As in `requests.REQUESTS`, likewise."""
_ANSWERS: Mapping[str, tuple[str, Any]] = {
    lsp.TEXT_DOCUMENT_INLAY_HINT: ("inlay_hints", lsp.InlayHintOptions(resolve_provider=True)),
    lsp.INLAY_HINT_RESOLVE: ("resolve_inlay_hint", None),
    lsp.TEXT_DOCUMENT_HOVER: ("hover", None),
    lsp.TEXT_DOCUMENT_CODE_LENS: ("code_lenses", lsp.CodeLensOptions(resolve_provider=False)),
    lsp.TEXT_DOCUMENT_CODE_ACTION: ("code_actions", lsp.CodeActionOptions([lsp.CodeActionKind.Source])),
    lsp.TEXT_DOCUMENT_INLINE_VALUE: ("inline_values", None),
    lsp.TEXT_DOCUMENT_DIAGNOSTIC: (
        "diagnostics",
        lsp.DiagnosticOptions(inter_file_dependencies=False, workspace_diagnostics=False, identifier="cwm-lsp"),
    ),
}
"""Requests that are answered at once, from what is known: method → function of `answers`, options to register."""


class _Protocol(LanguageServerProtocol):
    """pygls' protocol, but without its own copy of the documents, which costs a pass over the text at every keystroke,
    and with `workspace/executeCommand` requests that can be cancelled."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands: dict[Any, asyncio.Task[Any]] = {}
        """Tasks of the commands under way, by the request's id."""

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_CLOSE], (params,), None

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        super()._handle_cancel_notification(msg_id)
        task = self.commands.get(msg_id)
        if task is not None:
            task.cancel()


def _converter() -> Any:
    """pygls' converter, but messages beyond the protocol keep their parameters as they are: made into objects, a key
    such as `_x` would lose its name."""
    converter = default_converter()  # type: ignore[no-untyped-call]
    for message in (JsonRPCRequestMessage, JsonRPCNotification):
        converter.register_structure_hook(message, lambda data, kind: kind(**data))
    return converter


class Server(LanguageServer):
    """pygls' server, and the session of the editor that it serves."""

    protocol: _Protocol

    def __init__(self, flags: Mapping[str, Any]) -> None:
        super().__init__("cwm-lsp", __version__, protocol_cls=_Protocol, converter_factory=_converter)
        self.flags = flags
        self.initialization: lsp.InitializeParams | None = None

    @cached_property
    def session(self) -> Session:
        """The session, begun when the first thing is asked of it."""
        from cwm_lsp.lsp.session import Session

        session = Session(Client(self), self.flags)
        given = self.initialization
        folders = [to_fs_path(folder.uri) for folder in self.workspace.folders.values()] or [self.workspace.root_path]
        session.begin(given and given.initialization_options, [Path(folder) for folder in folders if folder])
        return session

    def document(self, identifier: lsp.TextDocumentIdentifier) -> Document | None:
        """An open Python file; None for all others, of which nothing is known."""
        return self.session.documents.get(identifier.uri)


def create(flags: Mapping[str, Any] | None = None) -> Server:
    """A server with all features, not yet connected. `flags`: settings by dotted name, ahead of other sources."""
    server = Server(flags or {})
    _register_session(server)
    _register_documents(server)
    _register_answers(server)
    _register_debugging(server)
    for name in COMMANDS:
        server.command(name)(_command(server, name))
    for method in REQUESTS:
        server.feature(method)(_request(server, method))
    return server


def serve(*, tcp: str | None = None, flags: Mapping[str, Any] | None = None) -> None:
    """Serve one editor, over stdin and stdout or on a TCP address `HOST:PORT`, until it goes.

    Raises:
        UserError: the address is malformed or cannot be listened on.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    server = create(flags)
    if tcp is not None:
        host, _, port = tcp.rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"{tcp!r} is not HOST:PORT, as in 127.0.0.1:2087")
        try:
            server.start_tcp(host.strip("[]"), int(port))
        except (OSError, OverflowError) as error:
            raise UserError(f"cannot listen on {tcp}: {error}") from error
        return
    # Only the protocol may write to the real stdout.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    server.start_io(stdout=out)


def _register_session(server: Server) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.initialization = params
        if not pulls_diagnostics(params.capabilities):
            del server.protocol.fm.features[lsp.TEXT_DOCUMENT_DIAGNOSTIC]

    @server.feature(lsp.INITIALIZED)
    async def initialized(_params: lsp.InitializedParams) -> None:
        await server.session.configure()
        if server.session.client.registers_configuration:
            await server.session.client.register_configuration("cwm-lsp")

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration_changed(params: lsp.DidChangeConfigurationParams) -> None:
        await server.session.configure(params.settings)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(_params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        folders = [to_fs_path(folder.uri) for folder in server.workspace.folders.values()]
        server.session.folders = [Path(folder) for folder in folders if folder]
        await server.session.configure()

    @server.feature(lsp.SET_TRACE)
    def trace_set(params: lsp.SetTraceParams) -> None:
        server.session.set_trace(params.value)

    @server.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def progress_cancelled(params: lsp.WorkDoneProgressCancelParams) -> None:
        server.session.client.cancelled(params.token)

    @server.feature(lsp.SHUTDOWN)
    async def shutdown(_params: None) -> None:
        await server.session.end()


def _register_debugging(server: Server) -> None:
    @server.feature("cwm/debugStopped")
    def stopped(params: Any) -> None:
        server.session.debug_stopped(params)

    @server.feature("cwm/debugContinued")
    def continued(params: Any) -> None:
        server.session.debug_continued(params)

    @server.feature("cwm/debugTerminated")
    def terminated(params: Any) -> None:
        server.session.debug_terminated(params)


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


def _register_answers(server: Server) -> None:
    for method, (name, options) in _ANSWERS.items():
        server.feature(method, options)(_answer(server, name))


def _answer(server: Server, name: str) -> Callable[[Any], Any]:
    def answer(params: Any) -> Any:
        from cwm_lsp.lsp import answers

        return getattr(answers, name)(server.session, params)

    return answer


def _request(server: Server, method: str) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    async def request(params: Any) -> Any:
        from cwm_lsp.lsp import commands, requests

        try:
            return await requests.REQUESTS[method](server.session, commands.target_of(method, [params]))
        except (UserError, UnavailableError) as error:
            raise JsonRpcInvalidParams(str(error)) from None

    return request


def _command(server: Server, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def command(*arguments: Any) -> Any:
        from cwm_lsp.lsp import commands

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
