"""Known faults of what is locked, without a network: `python packaging/audit.py ADVISORIES`.

ADVISORIES is an export of the OSV database for PyPI, as it can be fetched elsewhere: `all.zip` of its ecosystem, or a
folder of its files (https://ossf.github.io/osv-schema/). Told is each advisory that holds for a locked version; exit
code 1 where there is one, 2 where there are no advisories to read.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

sys.path.insert(0, str(Path(__file__).parent))
from sbom import ROOT, locked


def advisories(source: Path) -> Iterator[dict[str, Any]]:
    """The advisories of an export."""
    if source.is_dir():
        for path in sorted(source.rglob("*.json")):
            yield json.loads(path.read_bytes())
    else:
        with zipfile.ZipFile(source) as archive:
            for name in sorted(archive.namelist()):
                yield json.loads(archive.read(name))


def holds(affected: Mapping[str, Any], version: Version) -> bool:
    """Whether an entry of `affected` holds for a version: it is listed, or within a range."""
    if any(version == one for text in affected.get("versions", ()) if (one := parsed(text)) is not None):
        return True
    ranges = (one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return any(_within(events, version) for events in ranges)


def _within(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    is_in = False
    for event in events:  # in order, by the format
        (kind, text), *_ = event.items()
        at = Version("0") if text == "0" else parsed(text)
        if at is None:
            continue
        if kind == "introduced" and version >= at:
            is_in = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            is_in = False
    return is_in


def parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def audit(lock: str, known: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each advisory that holds for what is locked."""
    versions = {canonicalize_name(one["name"]): Version(one["version"]) for one in locked(lock)}
    found = []
    for advisory in known:
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            version = versions.get(canonicalize_name(package.get("name", "")))
            if package.get("ecosystem") != "PyPI" or version is None or "withdrawn" in advisory:
                continue
            if holds(affected, version):
                found.append(f"{package['name']} {version}: {advisory['id']} {advisory.get('summary', '')}".rstrip())
    return sorted(set(found))


def main() -> int:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).exists():
        print(__doc__, file=sys.stderr)  # noqa: T201
        return 2
    read = list(advisories(Path(sys.argv[1])))
    if not read:
        print(f"{sys.argv[1]} has no advisories", file=sys.stderr)  # noqa: T201
        return 2
    found = audit((ROOT / "requirements.lock").read_text(encoding="utf-8"), read)
    print("\n".join(found) or f"none of {len(read):,} advisories holds for what is locked")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
