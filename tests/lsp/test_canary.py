"""Whatever an editor asks for but a run: no code of the workspace runs, and nothing is started, written or called that
is not our own. An audit hook (PEP 578) in the server and all its workers is the witness."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from cwm_lsp.lsp.commands import COMMANDS
from cwm_lsp.lsp.requests import REQUESTS
from cwm_lsp.lsp.server import _ANSWERS

from .conftest import Editor, capabilities, ended

pytestmark = pytest.mark.slow

STARTED = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")
CALLED, HEARD = "socket.connect", "socket.bind"
CHANGED = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate")
HOOK = """
import json, os, sys

_out = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def _hook(event, args):
    if event == "exec":
        told = getattr(args[0], "co_filename", "")
    elif event == "open":
        if not isinstance(args[2], int) or not args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        told = str(args[0])
    elif event in {started!r}:
        told = [str(args[0]), str(args[1] if len(args) > 1 else "")]
    elif event in {changed!r}:
        told = str(args[0])
    else:
        return
    os.write(_out, (json.dumps([event, told]) + "\\n").encode())

sys.addaudithook(_hook)
"""

MARK = "open({mark!r}, 'a').close()\n"
APP = '''\
import json
import helper
from helper import Base, decorate


@decorate
def decorated(n):
    return n


class Cart(Base):
    total = helper.START

    def __repr__(self):
        {mark}
        return "Cart()"

    def add(self, price, *, note=open({path!r}, "a")):
        """
        >>> Cart().add(3)
        3
        """
        self.total += price
        return decorated(self.total)


def shown(n=2):
    """
    >>> shown(2)
    [0, 1]
    """
    exec("open({path!r}, 'a')")
    __import__("helper").touch()
    found = []
    for i in range(n):
        found.append(i)
    return found


def plain(xs):
    """
    >>> plain([1, 2])
    3
    """
    total = 0
    for x in xs:
        total += x
    return total
'''


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder whose every file leaves a mark when it runs."""
    folder, mark = tmp_path / "work", tmp_path / "mark"
    packages = folder / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    program = f"#!/bin/sh\ntouch {mark}\n"
    for place in (folder / "evil", folder / ".venv" / "bin" / "python"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(program)
        place.chmod(0o755)
    (folder / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    (packages / "evil.pth").write_text(f"import os; os.close(os.open({str(mark)!r}, os.O_CREAT))\n")
    (folder / "pyproject.toml").write_text('[tool.cwm-lsp.record]\npython = "./evil"\n')
    (folder / ".env").write_text(f"PYTHONPATH={folder}\n")
    helper = "START = 0\nclass Base: pass\ndef decorate(f):\n    return f\ndef touch():\n    pass\n"
    for name in (
        "helper",
        "json",
        "sitecustomize",
        "usercustomize",
        "conftest",
        "setup",
        "pathlib",
        "pygls",
        "debugpy",
    ):
        text = MARK.format(mark=str(mark))
        (folder / f"{name}.py").write_text(text + (helper if name == "helper" else ""))
    (folder / "app.py").write_text(APP.format(mark=MARK.format(mark=str(mark)).strip(), path=str(mark)))
    (folder / "test_app.py").write_text(
        MARK.format(mark=str(mark)) + "from app import plain\n\n\ndef test_plain():\n    assert plain([1]) == 1\n"
    )
    return folder


async def everything(editor: Editor, uri: str, text: str) -> None:
    """All requests, notifications and commands but those that run the user's code, and the doctor, who says what it
    starts."""
    document, start = {"uri": uri}, {"line": 0, "character": 0}
    whole = {"start": start, "end": {"line": len(text.splitlines()), "character": 0}}
    running = ("cwm.predictThenRun", "cwm.runTests", "cwm.confirmCrash", "cwm.doctor")
    left = {command for command in COMMANDS if command not in running}
    for function in ("plain", "shown", "Cart.add", "decorated"):
        target = {"uri": uri, "function": function, "position": {"line": 50, "character": 0}}
        for command in ("cwm.predict", *sorted(left)):
            await editor.command(command, target)
        for method in REQUESTS:
            await asyncio.wait_for(
                _settled(editor.protocol.send_request_async(method, {**target, "call": "plain([1])", "index": 1})), 60
            )
        await editor.command("cwm.predict", target)
    for method in _ANSWERS:
        for line in (0, 20, 52):
            parameters = {
                "textDocument": document,
                "position": {"line": line, "character": 4},
                "range": whole,
                "label": "",
                "title": "",
                "context": {"diagnostics": [], "frameId": 1, "stoppedLocation": whole},
            }
            given = editor.protocol._converter.structure(parameters, lsp.METHOD_TO_TYPES[method][2])
            await asyncio.wait_for(_settled(editor.protocol.send_request_async(method, given)), 60)
    editor.protocol.notify("cwm/cursor", {"uri": uri, "position": {"line": 52, "character": 0}, "ranges": []})
    editor.insert(uri, 2, 52, 0, "    \n")
    editor.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await asyncio.sleep(1)


async def _settled(answer) -> None:
    """A request that is refused for its parameters has been tried, too."""
    await asyncio.gather(answer, return_exceptions=True)


async def test_nothing_of_the_workspace_runs_unasked(workspace: Path, tmp_path: Path) -> None:
    log, hooks = tmp_path / "audit", tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(
        HOOK.format(log=str(log), started=(*STARTED, CALLED, HEARD), changed=CHANGED)
    )
    inherited = os.environ.get("PYTHONPATH")
    editor = Editor()
    await editor.start_io(
        str(Path(sys.executable).with_name("cwm-lsp")), "serve", "--stdio", cwd=workspace,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(hooks), *([inherited] if inherited else [])])},
    )  # fmt: skip
    try:
        await editor.begin(capabilities("vscode_1.139"), workspace, {"predict": {"trigger": "onType"}})
        text = (workspace / "app.py").read_text()
        editor.open((workspace / "app.py").as_uri(), text)
        await everything(editor, (workspace / "app.py").as_uri(), text)
        answer = await editor.command("cwm.predict", {"uri": (workspace / "app.py").as_uri(), "function": "plain"})
        assert answer["predicted"] == "returns 3"
    finally:
        await ended(editor)
    assert not (tmp_path / "mark").exists()
    seen = [json.loads(line) for line in log.read_text().splitlines()]
    assert {event for event, _ in seen} >= {"exec", "subprocess.Popen"}  # the witness was there
    assert not [told for event, told in seen if event == "exec" and told.startswith(str(workspace))]
    started = [told for event, told in seen if event in STARTED]
    ours = {sys.executable, str(Path(sys.executable).with_name("python3"))}  # as the command's first line names it
    assert not [told for told in started if told[0] not in ours or "'cwm_lsp." not in told[1]]
    assert not [told for event, told in seen if event == CALLED]
    # The debug adapter, which has been asked for, listens to this machine alone.
    assert not [told for event, told in seen if event == HEARD and not told[1].startswith("('127.0.0.1', ")]
    own = (os.environ["XDG_STATE_HOME"], "/dev/null")
    changed = [told for event, told in seen if event in ("open", *CHANGED)]
    assert not [told for told in changed if not told.startswith(own) and not told.isdecimal()]
