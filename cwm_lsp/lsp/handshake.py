"""The handshake: what an editor is told before anything else is loaded.

It waits for this answer at every start, and the protocol's types alone take longer to import than Python to start. So
this is the one place that says what the server can do, and it works on plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cwm_lsp import __version__

if TYPE_CHECKING:
    from cwm_lsp.lsp.text import Encoding

Message = dict[str, Any]

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
    "cwm.forget",
    "cwm.debugAdapter",
    "cwm.verdicts",
    "cwm.runTests",
    "cwm.confirmCrash",
    "cwm.insertTest",
    "cwm.runs",
    "cwm.pin",
)
"""As in `commands.COMMANDS`."""
RUNNING = frozenset({"cwm.predictThenRun", "cwm.predictThenDebug", "cwm.runTests", "cwm.confirmCrash"})
"""Those that run the user's code, the editor's own among them: not offered in a workspace that is not trusted."""

_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
_INCREMENTAL = 2
PARSE_ERROR, _NOT_INITIALIZED = -32700, -32002


def answers(bodies: Iterator[bytes]) -> Iterator[tuple[Message, Message | None]]:
    """Answers to what comes before the session has begun, the last of them to `initialize`.

    Gives pairs of an answer and, with the last one only, the parameters of `initialize`. Ends without them if the
    editor says `exit` or has gone.
    """
    for body in bodies:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            yield failure(None, PARSE_ERROR, f"not JSON: {error}"), None
            continue
        match message:
            case {"method": "initialize", "id": number}:
                params = message.get("params")
                params = params if isinstance(params, dict) else {}
                yield {"jsonrpc": "2.0", "id": number, "result": result(params)}, params
                return
            case {"method": "exit"}:
                return
            case {"method": _, "id": number}:
                yield failure(number, _NOT_INITIALIZED, "`initialize` comes first"), None


def failure(number: Any, code: int, message: str) -> Message:
    """A request's answer that is an error."""
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def result(params: Mapping[str, Any]) -> Message:
    """`InitializeResult` for `InitializeParams`."""
    capabilities: Message = {
        "positionEncoding": position_encoding(params),
        "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": True},
        "hoverProvider": True,
        "codeActionProvider": {"codeActionKinds": ["quickfix", "source"], "resolveProvider": True},
        "codeLensProvider": {"resolveProvider": False},
        "executeCommandProvider": {"commands": list(COMMANDS)},
        "inlayHintProvider": {"resolveProvider": True},
        "inlineValueProvider": True,
        "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
    }
    if pulls_diagnostics(params):
        capabilities["diagnosticProvider"] = {
            "identifier": "cwm-lsp",
            "interFileDependencies": False,
            "workspaceDiagnostics": False,
        }
    return {"capabilities": capabilities, "serverInfo": {"name": "cwm-lsp", "version": __version__}}


def position_encoding(params: Mapping[str, Any]) -> Encoding:
    """The units of positions: the first that the editor offers and we know."""
    offered = capability(params, "general", "positionEncodings")
    offers = offered if isinstance(offered, list) else []
    return next((known for offer in offers for known in _ENCODINGS if offer == known), "utf-16")


def pulls_diagnostics(params: Mapping[str, Any]) -> bool:
    """Whether diagnostics can be left to the editor to ask for.

    One that cannot be told to ask again, such as Neovim 0.11, would ask when the text changes, and never see what comes
    of predicting it.
    """
    asks = isinstance(capability(params, "textDocument", "diagnostic"), Mapping)
    return asks and capability(params, "workspace", "diagnostics", "refreshSupport") is True


def links_codes(params: Mapping[str, Any]) -> bool:
    """Whether a diagnostic's code may link to what it means."""
    kind = "diagnostic" if pulls_diagnostics(params) else "publishDiagnostics"
    return capability(params, "textDocument", kind, "codeDescriptionSupport") is True


def capability(params: Mapping[str, Any], *path: str) -> Any:
    """What the editor says of one of its capabilities; None where it says nothing."""
    node: Any = params.get("capabilities")
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
