"""What diagnostics' codes mean: the page has all of them, and an editor that links codes to it gets there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

import cwm_lsp.lsp
from cwm_lsp.lsp.problems import PROBLEMS, reference
from cwm_lsp.trace.compare import DivergenceKind
from tests.lsp.conftest import Editor

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"


def test_the_page_is_the_one_that_is_generated() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `python -m cwm_lsp.lsp.problems > docs/problems.md`"


def test_every_code_is_explained() -> None:
    assert {f"divergence-{kind}" for kind in get_args(DivergenceKind) if kind != "length"} <= PROBLEMS.keys()
    sources = [path.read_text(encoding="utf-8") for path in Path(cwm_lsp.lsp.__path__[0]).rglob("*.py")]
    for code in PROBLEMS:
        kind = code.removeprefix("divergence-")
        assert kind in get_args(DivergenceKind) or any(
            f'"{code}"' in text for text in sources if "PROBLEMS" not in text
        )


async def test_a_code_leads_to_the_page(shared: Editor, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    uri = (tmp_path / "app.py").as_uri()
    shared.open(uri, "def f(xs):\n    return xs[1]\n\n\nf([])\n")
    await shared.command("cwm.predict", {"uri": uri, "function": "f", "call": "f([])"})
    await shared.until(lambda: shared.problems(uri))
    (found,) = await shared.problems(uri)
    assert found.code == "computed-exception"
    if "vscode" in request.node.name:
        assert found.code_description is not None
        where = urlsplit(found.code_description.href)
        assert re.search(rf"^## {where.fragment}$", Path(url2pathname(where.path)).read_text(encoding="utf-8"), re.M)
        assert where.fragment == found.code
    else:
        assert found.code_description is None
