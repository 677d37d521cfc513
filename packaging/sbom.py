"""What a release consists of, as a CycloneDX 1.5 document: `python packaging/sbom.py > cwm-lsp.cdx.json`.

From `requirements.lock` alone, so that it needs neither a network nor an installation, and is the same each time.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: *; *([^\\]*?))? *\\?$")
_HASH = re.compile(r"^ +--hash=sha256:([0-9a-f]{64})")


def locked(text: str) -> list[dict[str, Any]]:
    """The packages of a lock file: name, version, where they are needed, hashes (SHA-256) of their files.

    Raises:
        ValueError: a line is neither.
    """
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := _HASH.match(line):
            found[-1]["hashes"].append(match[1])
        elif match := _REQUIREMENT.match(line):
            found.append({"name": match[1].lower(), "version": match[2], "where": match[3] or "", "hashes": []})
        else:
            raise ValueError(f"what is {line!r}?")
    return found


def sbom(root: Path = ROOT) -> dict[str, Any]:
    """The document."""
    version = re.search(r'__version__ = "(.*)"', (root / "cwm_lsp" / "__init__.py").read_text(encoding="utf-8"))
    assert version is not None
    own = f"pkg:pypi/cwm-lsp@{version[1]}"
    packages = [_package(package) for package in locked((root / "requirements.lock").read_text(encoding="utf-8"))]
    weights = (root / "cwm_lsp" / "bundled" / "model.safetensors").read_bytes()
    model = {
        "type": "machine-learning-model",
        "bom-ref": "bundled-model",
        "name": "cwm-lsp bundled model",
        "version": version[1],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(weights).hexdigest()}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "cwm-lsp",
                "version": version[1],
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [model, *packages],
        "dependencies": [{"ref": own, "dependsOn": ["bundled-model", *(package["purl"] for package in packages)]}],
    }


def _package(package: dict[str, Any]) -> dict[str, Any]:
    purl = f"pkg:pypi/{package['name']}@{package['version']}"
    component = {
        "type": "library",
        "bom-ref": purl,
        "name": package["name"],
        "version": package["version"],
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": content} for content in package["hashes"]],
    }
    if package["where"]:
        component["properties"] = [{"name": "python:marker", "value": package["where"]}]
    return component


if __name__ == "__main__":
    json.dump(sbom(), sys.stdout, indent=2)
    sys.stdout.write("\n")
