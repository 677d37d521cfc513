"""The clients have the server's settings and kinds of hints, as `editor-clients/configure.py` writes them."""

import json
import runpy
from pathlib import Path
from typing import get_args

from cwm_lsp.lsp.views.kinds import KINDS, Kind

_CLIENTS = Path(__file__).parents[1] / "editor-clients"


def test_the_clients_have_what_the_server_has():
    for path, text in runpy.run_path(str(_CLIENTS / "configure.py"))["generated"]().items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is old: run python editor-clients/configure.py"


def test_every_kind_of_hint_has_a_look():
    assert set(KINDS) == set(get_args(Kind))


def test_the_docs_name_every_kind_of_hint():
    colours = (_CLIENTS.parent / "docs" / "vscode.md").read_text(encoding="utf-8")
    groups = (_CLIENTS / "neovim" / "doc" / "cwm_lsp.txt").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`cwmLsp.{kind}`" not in colours] == []
    assert [kind for kind in KINDS if f"*hl-Cwm{kind.title()}*" not in groups] == []


def test_an_untrusted_workspace_cannot_choose_what_is_run():
    manifest = json.loads((_CLIENTS / "vscode" / "package.json").read_text(encoding="utf-8"))
    trust = manifest["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert {"cwm-lsp.server.path", "cwm-lsp.record.python", "cwm-lsp.model.name"} <= set(
        trust["restrictedConfigurations"]
    )
