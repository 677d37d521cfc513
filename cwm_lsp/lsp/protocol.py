"""pygls' side of the protocol, with what it does not do as we need it."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, NoReturn

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, default_converter
from pygls.protocol.language_server import lsp_method

from cwm_lsp.lsp.handshake import PARSE_ERROR, failure

log = logging.getLogger(__name__)


class Ending(LanguageServer):
    """A server that can end its process."""

    def end(self) -> NoReturn:
        raise NotImplementedError


class Protocol(LanguageServerProtocol):
    """pygls' protocol, but without its own copy of the workspace, which costs a pass over the text at every keystroke;
    with `workspace/executeCommand` requests that can be cancelled; and without a memory of what is done."""

    _server: Ending

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands: dict[Any, asyncio.Task[Any]] = {}
        """Tasks of the commands under way, by the request's id."""

    @property
    def said_goodbye(self) -> bool:
        """Whether the editor has sent `shutdown`."""
        return bool(self._shutdown)

    def receive(self, body: bytes) -> None:
        """Take one message."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._send_data(failure(None, PARSE_ERROR, f"not JSON: {error}"))
            return
        try:
            self.handle_message(self.structure_message(message))
        except JsonRpcException as error:  # its parameters are not what the protocol says
            if "method" in message and "id" in message:
                self._send_response(message["id"], error=error.to_response_error())
        except Exception:
            log.exception("a message is not understood")

    def _handle_response(self, msg_id: Any, result: Any | None = None, error: Any | None = None) -> None:
        future = self._request_futures.get(msg_id)
        if future is not None and future.cancelled():  # nobody waits for the answer any more
            del self._request_futures[msg_id]
        else:
            super()._handle_response(msg_id, result, error)

    def _execute_handler(self, msg_id: Any, *args: Any, **kwargs: Any) -> None:
        super()._execute_handler(msg_id, *args, **kwargs)
        future = self._request_futures.get(msg_id)
        if future is not None:  # pygls would keep it, and what it gives, for ever
            future.add_done_callback(lambda _done: self._request_futures.pop(msg_id, None))

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        future = self._request_futures.pop(msg_id, None)
        if future is not None:
            future.cancel()
        task = self.commands.get(msg_id)
        if task is not None:
            task.cancel()

    @lsp_method(lsp.SHUTDOWN)
    def lsp_shutdown(self, *_params: Any) -> Any:
        yield self.fm.features[lsp.SHUTDOWN], (None,), None
        self._shutdown = True

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *_params: Any) -> Any:
        self._server.end()

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Any:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_CLOSE], (params,), None

    @lsp_method(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(self, params: lsp.DidChangeWorkspaceFoldersParams) -> Any:
        yield self.fm.features[lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS], (params,), None

    @lsp_method(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> Any:
        yield self.fm.features[lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL], (params,), None


def converter() -> Any:
    """pygls' converter, but messages beyond the protocol keep their parameters as they are: made into objects, a key
    such as `_x` would lose its name."""
    made = default_converter()  # type: ignore[no-untyped-call]
    for message in (JsonRPCRequestMessage, JsonRPCNotification):
        made.register_structure_hook(message, lambda data, kind: kind(**data))
    return made
