"""What a person sees in Neovim, on projects as people have them: light and dark, in a wide window and a narrow one.

Pictures are made where CWM_E2E is `all`, in the folder CWM_E2E_SHOTS.
"""

import os
import shutil
from pathlib import Path

import pytest

from .conftest import REPOSITORY, Neovim

pytestmark = [
    pytest.mark.editor,
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("CWM_E2E") != "all", reason="pictures are made where CWM_E2E is all"),
]

SHOTS = Path(os.environ.get("CWM_E2E_SHOTS", REPOSITORY / ".ci" / "screenshots"))
CELL = (9, 19)
"""Pixels of a character."""
ROWS = 43
WIDTHS = (760, 1400)
"""In pixels. The window begins with the last, so that each picture follows a change: all is drawn anew then."""
CELLS = """
local rows = {}
for row = 0, vim.o.lines - 1 do
  local cells = {}
  for column = 0, vim.o.columns - 1 do
    local cell = vim.api.nvim__inspect_cell(1, row, column)
    local look = cell[2] or {}
    cells[#cells + 1] = { cell[1], look.foreground or -1, look.background or -1, look.reverse or false }
  end
  rows[#rows + 1] = cells
end
local normal = vim.api.nvim_get_hl(0, { name = 'Normal' })
return { rows, normal.fg, normal.bg }
"""


def colour(number: int) -> str:
    return f"#{number:06x}"


def picture(neovim: Neovim, path: Path) -> None:
    """Draw the screen, cell by cell, in its colours; without what floats over it, which Neovim does not tell of."""
    drawing = pytest.importorskip("PIL.ImageDraw")
    font_file = Path(pytest.importorskip("matplotlib").get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")
    image_type, fonts = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageFont")
    rows, ink, paper = neovim.lua(CELLS)
    width, height = CELL
    image = image_type.new("RGB", (width * len(rows[0]), height * len(rows)), colour(paper))
    draw, font = drawing.Draw(image), fonts.truetype(font_file, 15)
    for top, row in enumerate(rows):
        for left, (text, foreground, background, is_reverse) in enumerate(row):
            front, back = (ink if foreground < 0 else foreground), (paper if background < 0 else background)
            if is_reverse:
                front, back = back, front
            x, y = left * width, top * height
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=colour(back))
            draw.text((x, y), text, font=font, fill=colour(front))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def pictures(neovim: Neovim, name: str) -> None:
    for theme in ("dark", "light"):
        neovim.command(f"set background={theme}")
        for width in WIDTHS:
            neovim.nvim.ui_try_resize(width // CELL[0], ROWS)
            neovim.command("redraw!")
            picture(neovim, SHOTS / f"neovim-{name}-{theme}-{width}.png")


@pytest.fixture
def editor(neovim: Neovim) -> Neovim:
    neovim.nvim.ui_attach(WIDTHS[-1] // CELL[0], ROWS, rgb=True)
    neovim.command("set termguicolors number nowrap")
    return neovim


def look_at(neovim: Neovim, folder: Path, project: str, file: str, code: str) -> None:
    """Open a file of a project, the cursor at some code in the middle of the window."""
    path = shutil.copytree(REPOSITORY / "tests" / "projects" / project, folder / project) / file
    neovim.open(path)
    go_to(neovim, code)


def go_to(neovim: Neovim, code: str) -> None:
    rows = neovim.nvim.current.buffer[:]
    neovim.cursor(next(number for number, row in enumerate(rows, 1) if code in row), 5)
    neovim.command("normal! zz")
    neovim.command("doautocmd CursorHold")


def shown(neovim: Neovim, text: str) -> None:
    neovim.until(lambda: text in "\n".join(neovim.screen()))


def test_changes_and_expectations(editor: Neovim, tmp_path):
    look_at(editor, tmp_path, "inventory", "inventory.py", "means = []")
    shown(editor, "item.stock 7 → 6")
    shown(editor, "✗ [3.0, 5.0, 7.0]")
    pictures(editor, "changes")
    go_to(editor, "winner = random.choice")
    shown(editor, "⋯ known up to here: ")
    pictures(editor, "guesses")
    editor.lua("vim.diagnostic.setqflist()")
    shown(editor, "expected [3.0, 5.0]")
    assert "winner" not in "\n".join(row for row in editor.diagnostics().values()), "a guess is no problem"
    pictures(editor, "problems")


def test_a_run_and_its_trace(editor: Neovim, tmp_path):
    look_at(editor, tmp_path, "inventory", "inventory.py", "total += inventory.apply")
    shown(editor, "total = 88")
    editor.command("Cwm run")
    shown(editor, "● total = 88")
    editor.command("Cwm prev")
    shown(editor, "2/3")
    pictures(editor, "iteration")
    editor.command("Cwm trace")
    shown(editor, "as it ran")
    pictures(editor, "trace")


def test_a_syntax_error(editor: Neovim, tmp_path):
    look_at(editor, tmp_path, "inventory", "inventory.py", "steps = 0")
    shown(editor, "steps = 8")
    editor.command("normal! Ox = (")
    editor.until(lambda: "steps = 8" not in "\n".join(editor.screen()))
    go_to(editor, "total += inventory.apply")
    shown(editor, "= 88")
    pictures(editor, "syntax-error")


def test_a_package(editor: Neovim, tmp_path):
    look_at(editor, tmp_path, "sortedcontainers", "sortedlist.py", "_load = self._load")
    editor.until(lambda: editor.hints())
    pictures(editor, "package")


def test_several_files(editor: Neovim, tmp_path):
    look_at(editor, tmp_path, "shop", "orders.py", "total = 0.0")
    shown(editor, "total = ")
    pictures(editor, "several-files")
    editor.open(tmp_path / "shop" / "test_orders.py", enable=False)
    shown(editor, "✓")
    pictures(editor, "several-files-tests")


def test_the_tutor(editor: Neovim):
    editor.command("Cwm tutor")
    editor.until(lambda: editor.hints())
    pictures(editor, "tutor")
