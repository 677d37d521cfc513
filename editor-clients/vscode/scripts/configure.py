"""Writes the settings into package.json: what the extension contributes, and what needs a trusted workspace."""

import json
from pathlib import Path
from typing import Any

from cwm_lsp.settings import SECTION, SETTINGS, configuration

PACKAGE = Path(__file__).parents[1] / "package.json"
_OWN_RESTRICTED = [f"{SECTION}.server.path"]


def configured(package: dict[str, Any]) -> dict[str, Any]:
    """The same manifest with the settings as they are now. The second group is the extension's own."""
    _, own = package["contributes"]["configuration"]
    restricted = [f"{SECTION}.{setting.name}" for setting in SETTINGS if setting.restricted]
    return package | {
        "contributes": package["contributes"] | {"configuration": [configuration(), own]},
        "capabilities": package["capabilities"]
        | {
            "untrustedWorkspaces": package["capabilities"]["untrustedWorkspaces"]
            | {"restrictedConfigurations": [*restricted, *_OWN_RESTRICTED]}
        },
    }


if __name__ == "__main__":
    manifest = configured(json.loads(PACKAGE.read_text(encoding="utf-8")))
    PACKAGE.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
