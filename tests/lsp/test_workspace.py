"""Folders and files of the workspace: settings of their own, renaming, deleting; and a model that dies."""

import asyncio
import os
import re
import signal

import pytest
from lsprotocol import types as lsp

from cwm_lsp.lsp.configuration import Configuration

from .conftest import QUICK, Editor, capabilities

pytestmark = pytest.mark.slow

SOURCE = """\
def f(x):
    y = x + 1
    return y


assert f(1) == 2
"""


def folder(path, settings: str = ""):
    path.mkdir()
    (path / "a.py").write_text(SOURCE)
    if settings:
        (path / "pyproject.toml").write_text(f"[tool.cwm-lsp]\n{settings}\n")
    return lsp.WorkspaceFolder(path.as_uri(), path.name)


def test_a_file_has_the_settings_of_the_innermost_folder_around_it(tmp_path):
    outer, inner, other = tmp_path / "outer", tmp_path / "outer" / "inner", tmp_path / "other"
    folders = [folder(outer, "hints.max-length = 20"), folder(inner, "hints.max-length = 30"), folder(other)]
    params = {"workspaceFolders": [{"uri": one.uri, "name": one.name} for one in folders]}
    configuration = Configuration(params, {"predict.assist": "off"})
    lengths = [configuration.of(str(one / "a.py")).hints.max_length for one in (outer, inner, other)]
    assert lengths == [20, 30, 60]
    assert configuration.of("Untitled-1").hints.max_length == 20
    assert configuration.of(str(other / "a.py")).predict.assist == "off"

    # The editor's own settings differ by folder too, and come after those of the project.
    configuration.told({one.uri: {"hints": {"maxLength": 50, "showConfidence": True}} for one in folders[1:]})
    settings = [configuration.of(str(one / "a.py")).hints for one in (outer, inner, other)]
    assert [one.max_length for one in settings] == [20, 30, 50]
    assert [one.show_confidence for one in settings] == [False, True, True]

    # A folder that is taken from the workspace belongs to the one around it, or else to the first.
    configuration.folders_changed(lsp.WorkspaceFoldersChangeEvent(added=[], removed=folders[1:]))
    assert configuration.of(str(inner / "a.py")).hints.max_length == 20
    assert configuration.folders == [outer]
    configuration.folders_changed(lsp.WorkspaceFoldersChangeEvent(added=folders[2:], removed=[]))
    assert configuration.of(str(other / "a.py")).hints.max_length == 50


@pytest.mark.parametrize("params", [{}, {"rootUri": None}, {"workspaceFolders": None}, {"workspaceFolders": []}])
def test_without_a_folder_there_are_settings_all_the_same(params):
    configuration = Configuration({**params, "initializationOptions": {"hints": {"maxLength": 60}}}, {})
    assert configuration.folders == []
    assert configuration.of("/anywhere/a.py").hints.max_length == 60


async def test_each_folder_has_its_own_project_and_is_asked_about_again_when_that_changes(editor: Editor, tmp_path):
    one, two = folder(tmp_path / "one", "hints.enable = false"), folder(tmp_path / "two")
    await editor.begin(capabilities("vscode_1.139"), options=QUICK, folders=[one, two])
    uris = [(tmp_path / name / "a.py").as_uri() for name in ("one", "two")]
    for uri in uris:
        editor.open(uri, SOURCE)
        assert (await editor.command("cwm.predict", {"uri": uri, "function": "f"}))["state"] == "done"
    assert await editor.hints(uris[0]) == {}
    assert await editor.hints(uris[1])

    await editor.until(lambda: "workspace/didChangeWatchedFiles" in editor.registrations)
    project = tmp_path / "one" / "pyproject.toml"
    project.write_text("[tool.cwm-lsp]\nhints.enable = true\n")
    changed = lsp.FileEvent(project.as_uri(), lsp.FileChangeType.Changed)
    editor.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([changed]))
    await editor.until(lambda: editor.hints(uris[0]))


async def test_a_file_that_is_renamed_or_deleted_is_known_by_what_the_editor_has_open(shared: Editor, tmp_path):
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text(SOURCE)
    shared.open(old.as_uri(), SOURCE)
    await shared.command("cwm.predict", {"uri": old.as_uri(), "function": "f"})
    old.rename(new)
    shared.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(old.as_uri())))
    shared.open(new.as_uri(), SOURCE)
    answer = await shared.command("cwm.predictThenRun", {"uri": new.as_uri(), "function": "f"})
    assert answer["recorded"] == "returned 2"
    assert await shared.hints(old.as_uri()) == {}
    answer = await shared.command("cwm.predict", {"uri": old.as_uri(), "function": "f"})
    assert answer["state"] == "failed" and "not open" in answer["message"]

    new.unlink()
    answer = await shared.command("cwm.predictThenRun", {"uri": new.as_uri(), "function": "f", "call": "f(5)"})
    assert answer["recorded"] == "returned 6"
    assert 1 in await shared.hints(new.as_uri())


def model(editor: Editor) -> int:
    """The process that has the model."""
    started = [re.fullmatch(r"started the model process, (\d+)", line) for line in editor.logged]
    return [int(match[1]) for match in started if match][-1]


async def test_a_model_that_dies_is_started_again_and_what_waited_is_done(editor: Editor, tmp_path):
    await editor.begin(capabilities("vscode_1.139"), tmp_path, {**QUICK, "logLevel": "info"})
    uri = (tmp_path / "a.py").as_uri()
    editor.open(uri, SOURCE + "\n\ndef g(x):\n    return f(x)\n")
    assert (await editor.command("cwm.predict", {"uri": uri, "function": "f"}))["state"] == "done"

    first = model(editor)
    os.kill(first, signal.SIGSTOP)
    struck = asyncio.ensure_future(editor.command("cwm.predict", {"uri": uri, "function": "f", "call": "f(7)"}))
    waiting = asyncio.ensure_future(editor.command("cwm.predict", {"uri": uri, "function": "g", "call": "g(3)"}))
    await asyncio.sleep(1)
    os.kill(first, signal.SIGKILL)
    answer = await struck
    assert answer["state"] == "failed" and "want of memory" in answer["message"]
    answer = await waiting
    assert (answer["state"], answer["predicted"]) == ("done", "returns 4")
    assert model(editor) != first
    assert await editor.hints(uri)
    # The command's failure, and one line that says what to do.
    assert len([shown for shown in editor.messages if "starts again when it is needed" in shown.message]) == 1


async def test_a_function_that_the_model_dies_of_keeps_no_other_from_being_predicted(editor: Editor, tmp_path):
    def settings(trigger: str):
        return {"predict": {"trigger": trigger, "debounce": 50}, "logLevel": "info"}

    editor.configuration = settings("manual")
    await editor.begin(capabilities("vscode_1.139"), tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    more = [f"\n\ndef {name}(x):\n    y = x * 2\n    return y\n\n\nassert {name}(3) == 6\n" for name in "gh"]
    editor.open(uri, SOURCE + "".join(more))
    assert (await editor.command("cwm.predict", {"uri": uri, "function": "f"}))["state"] == "done"
    os.kill(model(editor), signal.SIGSTOP)
    editor.configuration = settings("onType")
    editor.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    await editor.until(lambda: any("Predicting g(3)" in str(value) for _, value in editor.progress))
    os.kill(model(editor), signal.SIGKILL)
    last = SOURCE.count("\n") + more[0].count("\n") + 4

    async def is_shown() -> bool:
        return last in await editor.hints(uri)

    await editor.until(is_shown)
    assert all(not 6 < line < 13 for line in await editor.hints(uri))
