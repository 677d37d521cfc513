"""What a model is shown of a program of several files."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.source.functions import find
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING

FILES = {
    "pyproject.toml": "",
    "bill.py": """\
import shop.rates as rates
from shop.models import Item

LIMIT = 3


def unused():
    return rates.other()


def bill(items: list[Item]):
    total = 0
    for item in items[:LIMIT]:
        total += rates.taxed(item.price)
    return total
""",
    "shop/__init__.py": "",
    "shop/rates.py": """\
from .table import RATE, SIZE
import json


def taxed(amount):
    return rounded(amount * RATE)


def rounded(amount):
    return round(amount, 2)


def other():
    return json.dumps(SIZE)
""",
    "shop/table.py": "RATE = 1.2\nSIZE = 7\n",
    "shop/models.py": """\
from dataclasses import dataclass


@dataclass
class Item:
    name: str
    cents: int

    @property
    def price(self):
        return self.cents / 100

    def sold(self):
        return self.name


class Other:
    def price(self):
        return None
""",
}


def contexts(folder: Path, call: str, texts: Mapping[str, str] = NOTHING, around: bool = True) -> list[str]:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    path, source = str(folder / "bill.py"), FILES["bill.py"]
    place = Around(path, texts={str(folder / name): text for name, text in texts.items()}) if around else None
    task = Task(path, source, find(source, "bill", path), call, around=place)
    return list(prepare(task).contexts())


@pytest.mark.parametrize("call", ["bill([Item('a', 250)])", "bill([])"])
def test_a_model_is_shown_what_the_call_reaches_in_other_files(tmp_path, call):
    first, *less = contexts(tmp_path, call)
    own = contexts(tmp_path, call, around=False)
    assert first.endswith(own[0].lstrip("\n"))
    assert first.count(wire.START_OF_TRACE) == 1
    for text in ("def taxed", "def rounded", "RATE = 1.2", "class Item", "name: str", "def price", "@property"):
        assert text in first
    for text in ("def other", "SIZE = 7", "import json", "class Other", "def sold"):
        assert text not in first
    assert first.index("RATE = 1.2") < first.index("def taxed") < first.index("def bill"), "what is near stands near"
    assert all(len(longer) > len(shorter) for longer, shorter in pairwise(less[:3]))
    assert "def unused" not in less[0] and "RATE = 1.2" in less[0]
    assert "RATE = 1.2" not in less[1] and "class Item" in less[1], "the farthest goes first"
    assert less[-3:] == own
    compile(first.replace(wire.START_OF_TRACE, ""), "one program", "exec")


def test_it_is_shown_as_the_editor_has_it(tmp_path):
    assert "RATE = 1.5" in contexts(tmp_path, "bill([])", {"shop/table.py": "RATE = 1.5\n"})[0]


def test_of_a_program_of_one_file_a_model_is_shown_what_it_was(tmp_path):
    alone = (
        "def f(x):\n    import json\n    return len(json.dumps(x)) + g(x)\n\n\ndef g(x):\n    return 1\n\n\nrest = 2\n"
    )
    path = tmp_path / "alone.py"
    path.write_text(alone)
    tasks = [
        Task(str(path), alone, find(alone, "f", str(path)), "f([1])", around=one) for one in (None, Around(str(path)))
    ]
    first, second = (list(prepare(task).contexts()) for task in tasks)
    assert first == second
    assert len(first) == 3
