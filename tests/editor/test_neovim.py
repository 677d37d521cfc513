"""The whole product as a Neovim user meets it: the real editor, plugin, server, model and debuggee."""

import re
import shutil

import pytest

from .conftest import REPOSITORY, Neovim

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


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def examples(tmp_path):
    """The repository's examples, where a test may change them."""
    return shutil.copytree(REPOSITORY / "docs" / "examples", tmp_path / "examples")


def attached(neovim: Neovim) -> bool:
    return neovim.lua("return #vim.lsp.get_clients({ name = 'cwm_lsp' }) > 0")


def test_opening_a_file_shows_predictions(neovim: Neovim, examples):
    neovim.open(examples / "averages.py")
    hints = neovim.until(lambda: 17 in neovim.hints() and neovim.hints())
    assert hints[4] == "values = [3, 5, 10, 6], width = 3"
    assert hints[13] == "start = 1 · 2/2"
    assert hints[15] == "mean = 7.0 · 2/2"
    assert hints[17] == "= [6.0, 7.0]"
    neovim.cursor(15, 9)
    hover = neovim.lua(
        "local answers = vim.lsp.buf_request_sync(0, 'textDocument/hover',"
        " vim.lsp.util.make_position_params(0, 'utf-8'), 5000)"
        " return vim.tbl_values(answers)[1].result.contents.value"
    )
    assert "`moving_average([3, 5, 10, 6])` as computed · iteration 2/2 of line 13" in hover
    assert re.search(r"\| \*\*mean\*\* +\| `6.0` +\| `7.0` +\| computed +\|", hover)


def test_a_likely_crash_is_a_diagnostic_until_the_function_is_mended(neovim: Neovim, examples):
    neovim.open(examples / "people.py")
    neovim.until(lambda: attached(neovim))
    neovim.cursor(12)
    neovim.command('Cwm predict parse_line("Grace,,New York")')
    found = neovim.until(neovim.diagnostics)
    assert found == {
        12: "raises ValueError: invalid literal for int() with base 10: '' · in parse_line(\"Grace,,New York\")"
    }
    neovim.until(lambda: "raises ValueError" in neovim.messages())
    neovim.command('call setline(12, \'    return {"name": name, "age": age, "city": city}\')')
    neovim.until(lambda: not neovim.diagnostics())


def test_a_run_is_compared(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm run")
    hints = neovim.until(lambda: neovim.hints().get(9) == "● = 6" and neovim.hints())
    assert hints[8] == "● result = 6 · 3/3"
    # Also where every hint looks the same before and after, as here, the run is told.
    neovim.until(lambda: "total([1, 2, 3]) returned 6, as predicted" in neovim.messages())
    neovim.command("Cwm prev")
    neovim.until(lambda: neovim.hints().get(8) == "● result = 3 · 2/3")


def test_editing_clears_and_moves(neovim: Neovim, file):
    neovim.lua("vim.lsp.config('cwm_lsp', { settings = { ['cwm-lsp'] = { predict = { trigger = 'manual' } } } })")
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm run")
    neovim.until(lambda: 9 in neovim.hints())
    neovim.command("call append(0, ['import os', ''])")
    neovim.until(lambda: neovim.hints().get(11, "").endswith(" 6"))
    neovim.command("call setline(10, '        result -= x')")
    neovim.until(lambda: not neovim.hints())


def test_a_call_is_given_and_the_lens_has_it(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm call total([5, 7])")
    neovim.until(lambda: neovim.hints().get(9) == "= 12")

    lens = "total([5, 7]) · given | Run | More…"
    neovim.until(lambda: any(lens in row for row in neovim.screen()))


def test_what_is_wrong_is_told(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm predict total(1, 2)")
    neovim.until(lambda: "total" in neovim.messages() and "argument" in neovim.messages())
    with pytest.raises(Exception, match="there is no action sing"):
        neovim.command("Cwm sing")


ENDLESS = """
def spin():
    n = 0
    while True:
        n += 1
"""


def test_a_run_is_cancelled(neovim: Neovim, tmp_path):
    path = tmp_path / "spin.py"
    path.write_text(ENDLESS)
    neovim.lua("vim.lsp.config('cwm_lsp', { settings = { ['cwm-lsp'] = { record = { timeout = 600 } } } })")
    neovim.open(path)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(5)

    def commands() -> int:
        return neovim.lua(
            "return #vim.tbl_filter(function(asked) return asked.method == 'workspace/executeCommand' end,"
            " vim.tbl_values(vim.lsp.get_clients()[1].requests))"
        )

    neovim.command("Cwm run spin()")
    neovim.until(lambda: "running" in neovim.lua("return vim.lsp.status()").lower())
    assert commands() == 1
    neovim.command("Cwm cancel")
    neovim.until(lambda: commands() == 0)
    assert neovim.messages().strip() == ""


def test_the_doctor_and_the_log_open_in_tabs(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.command("Cwm restart")
    neovim.command("Cwm doctor")
    neovim.until(lambda: neovim.lua("return vim.wo.winbar") == "cwm-lsp doctor")
    found = neovim.nvim.current.buffer[:]
    assert any(row.startswith("ok ") and "prediction" in row for row in found), found
    neovim.nvim.feedkeys("q", "x")
    neovim.command("Cwm log")
    assert neovim.nvim.current.buffer.name.endswith("lsp.log")
    assert neovim.messages().strip() == ""


def test_the_trace_of_what_has_not_been_run_is_the_prediction(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: 9 in neovim.hints())
    neovim.cursor(8)
    neovim.command("Cwm trace")
    neovim.until(lambda: neovim.lua("return vim.wo.winbar") == "as predicted")
    shown = neovim.nvim.current.buffer[:]
    assert shown[0] == "# total([1, 2, 3]) as computed" and shown[-1] == "# returns 6"
    assert neovim.lua("return #vim.api.nvim_tabpage_list_wins(0)") == 1
    assert neovim.messages().strip() == ""


def test_the_trace_is_shown_beside_its_prediction(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm run")
    neovim.until(lambda: "returned 6" in neovim.messages())
    neovim.command("Cwm trace")
    neovim.until(lambda: neovim.lua("return #vim.api.nvim_tabpage_list_wins(0)") == 2)
    shown = [neovim.nvim.windows[-2].buffer[:], neovim.nvim.windows[-1].buffer[:]]
    assert shown[0][0] == "# total([1, 2, 3]) as computed" and shown[0][-1] == "# returns 6"
    assert shown[1][0] == "# total([1, 2, 3]) as it ran" and shown[1][-1] == "# returned 6"
    assert any("result += x" in row and row.endswith("result = 6 · 3/3") for row in shown[1])
    neovim.nvim.feedkeys("q", "x")
    assert neovim.lua("return #vim.api.nvim_list_tabpages()") == 1


def test_hints_as_coloured_virtual_text(neovim: Neovim, file):
    neovim.lua("vim.g.cwm_lsp = { lenses = false }")
    neovim.open(file)

    def drawn() -> dict[int, list]:
        marks = neovim.lua(
            "local space = vim.api.nvim_get_namespaces()['cwm_lsp.virtual_text']"
            " return space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}"
        )
        return {mark[1] + 1: mark[3]["virt_text"][1:] for mark in marks}

    shown = neovim.until(lambda: 9 in drawn() and drawn())
    assert shown[9] == [["= 6", "CwmComputed"]]
    assert shown[8] == [["result = 6", "CwmComputed"], [" · 3/3", "CwmCount"]]
    neovim.command("Cwm toggle")
    neovim.until(lambda: not drawn())
    neovim.command("Cwm toggle")
    neovim.until(drawn)


def test_the_status_says_how_far_the_function_is_known(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: 9 in neovim.hints())
    neovim.cursor(8)
    neovim.command("Cwm status")
    neovim.until(lambda: "total([1, 2, 3]): computed, returns 6" in neovim.messages())


def test_checkhealth(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.command("checkhealth cwm_lsp")
    report = "\n".join(neovim.nvim.current.buffer[:])
    assert "OK cwm-lsp, version" in report and "running for" in report
    assert "ERROR" not in report


def test_the_command_completes_and_the_help_is_found(neovim: Neovim):
    assert neovim.lua("return vim.fn.getcompletion('Cwm p', 'cmdline')") == ["parted", "pin", "predict", "prev"]
    assert neovim.lua("return vim.fn.getcompletion('Cwm predict ', 'cmdline')") == []
    neovim.command(f"helptags {REPOSITORY / 'editor-clients' / 'neovim' / 'doc'}")
    neovim.command("help :Cwm")
    (REPOSITORY / "editor-clients" / "neovim" / "doc" / "tags").unlink()
    assert neovim.nvim.current.buffer.name.endswith("cwm_lsp.txt")
    mapped = neovim.lua(
        "return vim.fn.maparg('<Plug>(cwm-predict)', 'n') ~= '' or vim.fn.mapcheck('<Plug>(cwm-run)') ~= ''"
    )
    assert mapped


DAP = """
local frame = { id = 7, name = 'total', line = 8, source = { path = ... } }
local session = { id = 3 }
function session:request(command, _, done)
  local answers = {
    stackTrace = { stackFrames = { frame } },
    scopes = { scopes = { { name = 'Locals', variablesReference = 1 } } },
    variables = { variables = {
      { name = 'special variables', value = '', type = '' },
      { name = 'xs', value = '[1, 2, 3]', type = 'list' },
      { name = 'result', value = '40', type = 'int' },
      { name = 'x', value = '1', type = 'int' },
    } },
  }
  done(nil, answers[command])
end
local function listeners()
  return setmetatable({}, { __index = function(all, name) all[name] = {} return all[name] end })
end
package.loaded.dap = { adapters = {}, configurations = {}, listeners = { after = listeners(), before = listeners() } }
local after = package.loaded.dap.listeners.after
_G.stop = function() after.event_stopped.cwm_lsp(session, { threadId = 1, reason = 'step' }) end
_G.finish = function() after.event_terminated.cwm_lsp(session) end
"""
"""nvim-dap's documented interface, as far as the plugin uses it: it is on no registry."""


def test_a_debug_session_is_compared_at_each_stop(neovim: Neovim, file):
    neovim.lua(DAP, str(file))
    neovim.open(file)
    neovim.until(lambda: 9 in neovim.hints())
    neovim.lua("stop()")

    def drawn() -> list:
        return neovim.lua(
            "local space = vim.api.nvim_get_namespaces()['cwm_lsp.dap']"
            " return space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}"
        )

    neovim.until(drawn)
    assert drawn()[0][1] == 7
    assert drawn()[0][3]["virt_text"] == [["  result ≈ 0 ≠ 40", "CwmDifferent"]]
    neovim.until(lambda: neovim.diagnostics().get(8) == "result ≈ 0 ≠ 40")
    neovim.lua("finish()")
    neovim.until(lambda: not drawn() and not neovim.diagnostics())


def test_verdicts_are_a_quickfix_list(neovim: Neovim, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "sums.py").write_text(SOURCE)
    tests = tmp_path / "test_sums.py"
    tests.write_text(
        "from sums import total\n\n\ndef test_right():\n    assert total([1]) == 1\n\n\n"
        "def test_wrong():\n    assert total([1, 2]) == 4\n"
    )
    neovim.open(tests)
    neovim.until(lambda: attached(neovim))
    neovim.command("Cwm verdicts")
    listed = "return vim.tbl_map(function(item) return { item.lnum, item.text } end, vim.fn.getqflist())"
    assert neovim.until(lambda: neovim.lua(listed)) == [[9, "likely fails: 3 ≠ 4 · test_wrong"]]
    assert "1 of 2 tests likely pass" in neovim.messages()
    assert neovim.diagnostics() == {9: "likely fails: 3 ≠ 4 · test_wrong"}
    neovim.command("cexpr []")
    neovim.command("Cwm test")
    assert neovim.until(lambda: neovim.lua(listed)) == [[9, "failed: 3 ≠ 4 · test_wrong"]]
