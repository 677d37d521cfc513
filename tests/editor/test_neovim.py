"""The whole product as a Neovim user meets it: the real editor, plugin, server, model and debuggee."""

import shutil

import pytest

from .conftest import REPOSITORY, Neovim

pytestmark = pytest.mark.editor

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
    assert "`moving_average([3, 5, 10, 6])` as predicted · iteration 2/2 of line 13" in hover
    assert "| **mean** | `6.0` | `7.0` | computed |" in hover


def test_a_likely_crash_is_a_diagnostic_until_the_function_is_mended(neovim: Neovim, examples):
    neovim.open(examples / "people.py")
    neovim.until(lambda: attached(neovim))
    neovim.cursor(12)
    neovim.command('Cwm predict parse_line("Grace,,New York")')
    found = neovim.until(neovim.diagnostics)
    assert found == {
        12: "parse_line(\"Grace,,New York\") likely raises ValueError: invalid literal for int() with base 10: ''"
    }
    neovim.until(lambda: "likely raises ValueError" in neovim.messages())
    neovim.command('call setline(12, \'    return {"name": name, "age": age, "city": city}\')')
    neovim.until(lambda: not neovim.diagnostics())


def test_a_run_is_compared(neovim: Neovim, file):
    neovim.open(file)
    neovim.until(lambda: attached(neovim))
    neovim.cursor(8)
    neovim.command("Cwm run")
    hints = neovim.until(lambda: neovim.hints().get(9, "").endswith("= 6") and neovim.hints())
    assert hints[8] == "result = 6 · 3/3"
    # Also where every hint looks the same before and after, as here, the run is told.
    neovim.until(lambda: "total([1, 2, 3]) returned 6, as predicted" in neovim.messages())
    neovim.command("Cwm prev")
    neovim.until(lambda: neovim.hints().get(8) == "result = 3 · 2/3")


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
