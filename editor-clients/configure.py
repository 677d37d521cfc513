"""Writes what the clients take from the server's tables: its settings, and the kinds of hints with their looks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cwm_lsp.lsp.views.kinds import KINDS
from cwm_lsp.settings import SECTION, SETTINGS, configuration

CLIENTS = Path(__file__).parent
_THEMES = ("dark", "light", "highContrast", "highContrastLight")
_OWN_RESTRICTED = [f"{SECTION}.server.path"]
_WRITTEN = "Written by editor-clients/configure.py."


def generated() -> Mapping[Path, str]:
    """The text of each file that is written, by its path."""
    manifest = CLIENTS / "vscode" / "package.json"
    package = configured(json.loads(manifest.read_text(encoding="utf-8")))
    return {
        manifest: json.dumps(package, indent=2, ensure_ascii=False) + "\n",
        CLIENTS / "vscode" / "src" / "kinds.ts": _typescript(),
        CLIENTS / "neovim" / "lua" / "cwm_lsp" / "kinds.lua": _lua(),
    }


def configured(package: dict[str, Any]) -> dict[str, Any]:
    """VS Code's manifest with the settings and colours as they are now. The second group of settings is the
    extension's own."""
    _, own = package["contributes"]["configuration"]
    restricted = [f"{SECTION}.{setting.name}" for setting in SETTINGS if setting.restricted]
    return package | {
        "contributes": package["contributes"] | {"configuration": [configuration(), own], "colors": _colours()},
        "capabilities": package["capabilities"]
        | {
            "untrustedWorkspaces": package["capabilities"]["untrustedWorkspaces"]
            | {"restrictedConfigurations": [*restricted, *_OWN_RESTRICTED]}
        },
    }


def _colours() -> list[dict[str, Any]]:
    return [
        {
            "id": f"cwmLsp.{kind}",
            "description": look.description,
            "defaults": dict(zip(_THEMES, look.colours, strict=True)),
        }
        for kind, look in KINDS.items()
    ]


def _typescript() -> str:
    rows = "".join(f'  ["{kind}", "{look.shape}"],\n' for kind, look in KINDS.items())
    return (
        f"/** What parts of hints are, the most telling first, each with its shape. {_WRITTEN} */\n"
        f"export const KINDS = [\n{rows}] as const;\n"
    )


def _lua() -> str:
    rows = "".join(
        f"  {{ kind = '{kind}', group = 'Cwm{kind.title()}', link = '{look.link}' }},\n" for kind, look in KINDS.items()
    )
    return f"--- What parts of hints are, each with its highlight group. {_WRITTEN}\nreturn {{\n{rows}}}\n"


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
