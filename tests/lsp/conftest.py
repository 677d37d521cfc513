"""A real server in its own process, and an editor's side of the protocol to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from lsprotocol import converters
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

CLIENTS = Path(__file__).parent / "clients"


def pytest_collection_modifyitems(items):
    """All tests of this folder share an event loop, so that they can share servers."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Editor(LanguageClient):
    """An editor with some capabilities: remembers what the server says, answers what it asks."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.messages: list[lsp.ShowMessageParams] = []
        self.published: dict[str, lsp.PublishDiagnosticsParams] = {}
        self.publications = 0
        self.refreshes: list[str] = []
        self.progress: list[tuple[str, object]] = []
        self.created: list[str] = []
        self.registrations: list[str] = []
        self.configuration: object = None
        self.asked = 0
        self.choice: int | None = None
        self.questions: list[lsp.ShowMessageRequestParams] = []
        self.shown: list[str] = []
        self.steps: list[object] = []
        self.logged: list[str] = []
        self.traced: list[str] = []
        self.opened: set[str] = set()
        self.client: dict = {}
        self.changed = asyncio.Event()
        self.initialization: lsp.InitializeResult | None = None
        self.stderr = b""
        self._register()

    async def start_io(self, *command, **options) -> None:
        await super().start_io(*command, **options)
        self._async_tasks.append(asyncio.ensure_future(self._listen_to_stderr()))

    async def _listen_to_stderr(self) -> None:
        while text := await self._server.stderr.read(1 << 16):
            self.stderr += text

    def forget(self) -> None:
        """Close everything, forget what was said."""
        for uri in self.opened:
            self.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
        for said in (self.opened, self.messages, self.refreshes, self.progress, self.questions, self.shown):
            said.clear()
        self.choice = None

    def _register(self) -> None:
        @self.feature(lsp.WINDOW_SHOW_MESSAGE)
        def _(params):
            self.messages.append(params)
            self.changed.set()

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(params):
            self.published[params.uri] = params
            self.publications += 1
            self.changed.set()

        for method in (
            lsp.WORKSPACE_INLAY_HINT_REFRESH,
            lsp.WORKSPACE_CODE_LENS_REFRESH,
            lsp.WORKSPACE_INLINE_VALUE_REFRESH,
            lsp.WORKSPACE_DIAGNOSTIC_REFRESH,
        ):
            self.feature(method)(lambda _params, method=method: (self.refreshes.append(method), self.changed.set())[1])

        @self.feature(lsp.PROGRESS)
        def _(params):
            self.progress.append((params.token, params.value))
            self.changed.set()

        @self.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def _(params):
            self.created.append(params.token)

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def _(params):
            self.registrations += [registration.method for registration in params.registrations]

        @self.feature(lsp.WORKSPACE_CONFIGURATION)
        def _(params):
            self.asked += 1
            self.changed.set()
            return [self.configuration for _ in params.items]

        @self.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)
        def _(params):
            self.questions.append(params)
            return None if self.choice is None else params.actions[self.choice]

        @self.feature(lsp.WINDOW_SHOW_DOCUMENT)
        def _(params):
            self.shown.append(params.uri)
            return lsp.ShowDocumentResult(success=True)

        @self.feature("cwm/debugStep")
        def _(params):
            self.steps.append(params)
            self.changed.set()

        @self.feature(lsp.WINDOW_LOG_MESSAGE)
        def _(params):
            self.logged.append(params.message)

        @self.feature(lsp.LOG_TRACE)
        def _(params):
            self.traced.append(params.message)
            self.changed.set()

    async def begin(self, capabilities, folder: Path | None = None, options: object = None, folders=None):
        """The handshake; with one folder, or several."""
        converter = converters.get_converter()
        if folder is not None:
            folders = [lsp.WorkspaceFolder(folder.as_uri(), folder.name)]
        result = await self.initialize_async(
            lsp.InitializeParams(
                capabilities=converter.structure(capabilities, lsp.ClientCapabilities),
                process_id=os.getpid(),
                root_uri=folder.as_uri() if folder else None,
                workspace_folders=folders,
                initialization_options=options,
            )
        )
        self.initialized(lsp.InitializedParams())
        self.initialization = result
        return result

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        self.opened.add(uri)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, language, version, text)))

    def edit(self, uri: str, version: int, *changes) -> None:
        self.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(version, uri), list(changes))
        )

    def insert(self, uri: str, version: int, line: int, character: int, text: str) -> None:
        spot = lsp.Position(line, character)
        self.edit(uri, version, lsp.TextDocumentContentChangePartial(lsp.Range(spot, spot), text))

    async def command(self, name: str, *arguments, timeout: float = 60):
        return await asyncio.wait_for(
            self.workspace_execute_command_async(lsp.ExecuteCommandParams(name, list(arguments))), timeout
        )

    async def hints(self, uri: str) -> dict[int, str]:
        """Line, 0-based → label."""
        hints = await self.text_document_inlay_hint_async(
            lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), lsp.Range(lsp.Position(0, 0), lsp.Position(9999, 0)))
        )
        return {hint.position.line: hint.label for hint in hints or []}

    async def hover(self, uri: str, line: int, character: int = 0):
        return await self.text_document_hover_async(
            lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, character))
        )

    async def lenses(self, uri: str) -> list[lsp.CodeLens]:
        return await self.text_document_code_lens_async(lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))) or []

    async def problems(self, uri: str) -> list[lsp.Diagnostic]:
        """What is told of a document now: asked for, or pushed last."""
        if self.initialization.capabilities.diagnostic_provider:
            params = lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri))
            return list((await self.text_document_diagnostic_async(params)).items)
        return list(self.published[uri].diagnostics) if uri in self.published else []

    async def actions(self, uri: str, line: int, diagnostics: Sequence[lsp.Diagnostic] = ()) -> list[lsp.CodeAction]:
        """What is offered at a line, 0-based."""
        spot = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
        context = lsp.CodeActionContext(list(diagnostics))
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), spot, context)
        return await self.text_document_code_action_async(params) or []

    async def until(self, condition, timeout: float = 60) -> None:
        """Wait until a condition holds; it is looked at whenever the server has said something."""

        async def wait() -> None:
            while True:
                self.changed.clear()
                met = condition()
                if asyncio.iscoroutine(met):
                    met = await met
                if met:
                    return
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.2)

        await asyncio.wait_for(wait(), timeout)


def capabilities(name: str) -> dict:
    """What an editor says of itself: `vscode_1.139` or `neovim_0.11`."""
    return json.loads((CLIENTS / f"{name}.json").read_text())


async def started(*options: str) -> Editor:
    """An editor with a server of its own, not yet initialised."""
    editor = Editor()
    await editor.start_io(sys.executable, "-m", "cwm_lsp", "serve", "--stdio", *options)
    return editor


async def ended(editor: Editor) -> None:
    """Say goodbye to the server: it goes by itself, with all that it has started, and nothing of it was a fault."""
    server = editor._server
    family = psutil.Process(server.pid).children(recursive=True)
    try:
        if editor.initialization is not None:
            await asyncio.wait_for(editor.shutdown_async(None), 60)
        editor.exit(None)
        # asyncio waits for the pipes to close as well.
        assert await asyncio.wait_for(server.wait(), 60) == (editor.initialization is None)
    finally:
        if server.returncode is None:
            server.kill()
    await asyncio.wait_for(editor.stop(), 60)
    _, left = psutil.wait_procs(family, timeout=20)
    assert not left
    assert b"Traceback" not in editor.stderr, editor.stderr.decode()


@pytest_asyncio.fixture(loop_scope="session")
async def editor():
    """An editor with a server of its own, not yet initialised; nothing of either is left afterwards."""
    editor = await started()
    yield editor
    await ended(editor)


QUICK = {"predict": {"trigger": "manual"}}
"""Nothing is predicted unasked, so that tests know what is going on."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers():
    """One server for each kind of editor, for tests that leave it as it was."""
    editors: dict[str, Editor] = {}
    yield editors
    for editor in editors.values():
        await ended(editor)


@pytest_asyncio.fixture(params=["vscode_1.139", "neovim_0.11"], loop_scope="session")
async def shared(request, servers, tmp_path_factory):
    """An editor of each kind, initialised in a folder without a project; it has nothing open."""
    name = request.param
    if name not in servers:
        servers[name] = await started()
        await servers[name].begin(capabilities(name), tmp_path_factory.mktemp("workspace"), QUICK)
    editor = servers[name]
    editor.client = capabilities(name)
    yield editor
    editor.forget()
