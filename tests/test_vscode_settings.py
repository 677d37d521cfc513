"""VS Code's manifest has the server's settings, as `editor-clients/vscode/scripts/configure.py` writes them."""

import json
import runpy
from pathlib import Path

_CLIENT = Path(__file__).parents[1] / "editor-clients" / "vscode"


def test_the_manifest_has_the_settings_of_the_schema():
    script = runpy.run_path(str(_CLIENT / "scripts" / "configure.py"))
    manifest = json.loads((_CLIENT / "package.json").read_text(encoding="utf-8"))
    assert script["configured"](manifest) == manifest, "run python editor-clients/vscode/scripts/configure.py"


def test_an_untrusted_workspace_cannot_choose_what_is_run():
    manifest = json.loads((_CLIENT / "package.json").read_text(encoding="utf-8"))
    trust = manifest["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert {"cwm-lsp.server.path", "cwm-lsp.record.python", "cwm-lsp.model.name"} <= set(
        trust["restrictedConfigurations"]
    )
