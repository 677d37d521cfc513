"""Predictions debugged from Neovim, with the real debug adapter."""

import os
from pathlib import Path

import pytest

from .conftest import Neovim

pytestmark = [pytest.mark.editor, pytest.mark.slow]

SOURCE = '''\
def total(xs):
    """
    >>> total([1, 2, 3])
    6
    """
    result = 0
    for x in xs:
        result += x
    return result
'''
LISTEN = """
local dap = require('dap')
dap.listeners.after.event_stopped['test'] = function(session, body)
  session:request('stackTrace', { threadId = body.threadId }, function(_, stack)
    _G.stopped = { stack.stackFrames[1].line, body.text or '' }
  end)
end
"""


@pytest.fixture
def debugger(neovim: Neovim) -> Neovim:
    """Neovim with nvim-dap, or the stand-in for it."""
    real = os.environ.get("CWM_NVIM_DAP")
    if real is not None:
        neovim.command(f"set runtimepath+={real}")
    else:
        stand_in = Path(__file__).with_name("stand_in_dap.lua")
        neovim.lua("package.preload.dap = function() return dofile(...) end".replace("...", repr(str(stand_in))))
    neovim.lua(LISTEN)
    return neovim


def stopped_at(neovim: Neovim, line: int) -> str:
    """Wait for a stop there; gives what is told of it."""
    neovim.until(lambda: (neovim.lua("return _G.stopped") or [0])[0] == line)
    return neovim.lua("return _G.stopped")[1]


def test_a_prediction_is_stepped_through_forward_and_backward(debugger: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    debugger.open(path)
    debugger.until(lambda: 9 in debugger.hints())
    debugger.cursor(8)
    debugger.command("Cwm debug total([4, 5])")
    stopped_at(debugger, 6)
    first, second = "result = 4 · 1/2", "result = 9 · 2/2"
    for line, hint in ((7, first), (8, first), (7, second), (8, second)):
        debugger.lua("require('dap').step_over()")
        stopped_at(debugger, line)
        debugger.until(lambda hint=hint: debugger.hints().get(8) == hint)
    debugger.command("Cwm back")
    stopped_at(debugger, 7)
    debugger.command("Cwm back")
    stopped_at(debugger, 8)
    debugger.until(lambda: debugger.hints().get(8) == first)
    debugger.command("Cwm reverse")
    stopped_at(debugger, 6)
    assert "as predicted" not in "\n".join(debugger.screen()), "a prediction is not held against itself"
    debugger.lua("require('dap').terminate()")


def test_it_is_among_the_configurations(debugger: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    debugger.open(path)
    debugger.until(lambda: 9 in debugger.hints())
    debugger.cursor(8)
    made = debugger.lua(
        "local made = require('dap').configurations.python[1]"
        " return { made.type, made.mode, made['function'](), made.call() }"
    )
    assert made == ["cwm-lsp", "predict", "total", "total([1, 2, 3])"]


def test_without_nvim_dap_it_is_said_what_is_missing(neovim: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    neovim.open(path)
    neovim.command("Cwm debug")
    neovim.until(lambda: "needs nvim-dap" in neovim.messages())


def test_a_run_is_replayed(debugger: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    debugger.open(path)
    debugger.until(lambda: 9 in debugger.hints())
    debugger.cursor(8)
    debugger.command("Cwm run total([7, 8])")
    debugger.until(lambda: "returned 15" in debugger.messages())
    debugger.command("Cwm replay")
    stopped_at(debugger, 6)
    debugger.lua("require('dap').step_over()")
    stopped_at(debugger, 7)
    debugger.command("Cwm back")
    stopped_at(debugger, 6)
    debugger.lua("require('dap').terminate()")


def test_the_model_is_shared_and_what_if_is_asked(debugger: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    debugger.open(path)
    debugger.until(lambda: 9 in debugger.hints())
    debugger.cursor(8)
    debugger.lua("vim.ui.input = function(options, done) _G.asked = options; done('x = 30') end")
    debugger.lua(
        "vim.lsp.buf.code_action({ apply = true, filter = function(one) return one.title == 'What if x = …' end })"
    )
    stopped_at(debugger, 8)
    assert debugger.lua("return require('dap').adapter.type") == "server"
    assert debugger.lua("return _G.asked.default") == "x = "
    for action, told in (("parted", "returns 6 → returns 35"), ("watch result", "line 7: 30")):
        debugger.command(f"Cwm {action}")
        debugger.until(lambda told=told: told in "\n".join(debugger.screen()))
        debugger.command("close")
    debugger.command("Cwm first result >= 30")
    stopped_at(debugger, 7)
    debugger.lua("require('dap').terminate()")


def test_a_run_is_chosen_to_be_replayed(debugger: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    debugger.open(path)
    debugger.until(lambda: 9 in debugger.hints())
    debugger.cursor(8)
    for call, told in (("total([7, 8])", "returned 15"), ("total([9])", "returned 9")):
        debugger.command(f"Cwm run {call}")
        debugger.until(lambda told=told: told in debugger.messages())
    debugger.lua(
        "vim.ui.select = function(items, options, done)"
        " _G.offered = vim.tbl_map(options.format_item, items) done(items[2]) end"
    )
    debugger.command("Cwm runs")
    stopped_at(debugger, 6)
    assert [one.split("  ")[0] for one in debugger.lua("return _G.offered")] == ["total([9])", "total([7, 8])"]
    assert debugger.lua("return require('dap').session().config.call") == "total([7, 8])"
    debugger.lua("require('dap').terminate()")


def test_an_expression_is_pinned_and_unpinned(neovim: Neovim, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    neovim.open(path)
    neovim.until(lambda: 9 in neovim.hints())
    neovim.cursor(8)
    neovim.command("Cwm pin result * 10 | 1")
    neovim.until(lambda: "result * 10 | 1 = 61" in neovim.hints().get(8, ""))
    neovim.command("Cwm pin")
    neovim.until(lambda: "| 1" not in neovim.hints().get(8, ""))
