"""Findings in the Static Analysis Results Interchange Format, version 2.1.0
(https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(rows: Sequence[Mapping[str, Any]], version: str, root: Path) -> dict[str, Any]:
    """The log of a run: `rows` are findings as the command line's JSON has them, `root` the folder of the sources."""
    kinds = sorted({row["exception"]["type"] for row in rows})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cwm-lsp",
                        "semanticVersion": version,
                        "rules": [_rule(kind) for kind in kinds],
                    }
                },
                "originalUriBaseIds": {"SRCROOT": {"uri": f"{root.resolve().as_uri()}/"}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(row, kinds, root) for row in rows],
            }
        ],
    }


def _rule(kind: str) -> dict[str, Any]:
    what = "a call that never ends" if kind == "endless" else f"{kind} on a call that the function's hints allow"
    return {
        "id": f"crash/{kind}",
        "name": kind[:1].upper() + kind[1:],
        "shortDescription": {"text": what[:1].upper() + what[1:]},
        "fullDescription": {
            "text": f"{what[:1].upper() + what[1:]}. The call in the message is the smallest one found."
        },
        "defaultConfiguration": {"level": "warning"},
    }


def _result(row: Mapping[str, Any], kinds: Sequence[str], root: Path) -> dict[str, Any]:
    kind = row["exception"]["type"]
    place = f"{_uri(row['path'], root)}:{row['function']}:{kind}:{row['text']}"
    return {
        "ruleId": f"crash/{kind}",
        "ruleIndex": kinds.index(kind),
        "level": "warning",
        "message": {"text": row["message"]},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(row["path"], root),
                    "region": {"startLine": row["line"]},
                },
                "logicalLocations": [{"fullyQualifiedName": row["function"], "kind": "function"}],
            }
        ],
        "partialFingerprints": {"crash/v1": hashlib.sha256(place.encode()).hexdigest()},
        "properties": {key: row[key] for key in ("call", "provenance", "confirmed") if key in row},
    }


def _artifact(path: str, root: Path) -> dict[str, str]:
    uri = _uri(path, root)
    return {"uri": uri} if uri.startswith("file:") else {"uri": uri, "uriBaseId": "SRCROOT"}


def _uri(path: str, root: Path) -> str:
    absolute = Path(path).resolve()
    if absolute.is_relative_to(root.resolve()):
        return quote(absolute.relative_to(root.resolve()).as_posix())
    return absolute.as_uri()
