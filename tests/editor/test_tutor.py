"""The tutorial keeps its promises."""

import re

import pytest

from .conftest import PLUGIN, Neovim

pytestmark = [pytest.mark.editor, pytest.mark.slow]

LESSON = (PLUGIN / "tutor" / "tutor.py").read_text()


def line_of(code: str) -> int:
    return next(number for number, line in enumerate(LESSON.split("\n"), 1) if code in line and line.startswith(" "))


def test_its_steps_show_what_they_say(neovim: Neovim):
    neovim.command("Cwm tutor")
    adding, returning, drawing = line_of("result += price"), line_of("return result"), line_of("randrange(")

    neovim.until(lambda: neovim.hints().get(adding) == "result = 35 · 3/3")
    neovim.until(lambda: "known up to here" in neovim.hints().get(drawing, ""))
    neovim.cursor(adding, 9)
    neovim.command("Cwm prev")
    neovim.until(lambda: neovim.hints().get(adding) == "result = 25 · 2/3")

    neovim.command(f"{returning}s/- discount/+ discount/")
    neovim.until(lambda: neovim.hints().get(returning) == "= 38")
    neovim.until(lambda: "✗" in neovim.hints().get(line_of("    32"), ""))
    assert neovim.hints()[adding] == "result = 25 · 2/3"
    neovim.command("undo")
    neovim.until(lambda: "✓" in neovim.hints().get(line_of("    32"), ""))

    neovim.command("Cwm predict total([1, 60], 3)")
    neovim.until(lambda: line_of("result -= discount") in neovim.hints())
    neovim.cursor(drawing)
    neovim.command("Cwm run")
    neovim.until(lambda: neovim.hints().get(drawing, "").startswith("● winner = "))


def test_it_names_commands_that_there_are(neovim: Neovim):
    known = neovim.lua("return vim.fn.getcompletion('Cwm ', 'cmdline')")
    named = set(re.findall(r":Cwm (\w+)", LESSON))
    assert named and named <= set(known)
