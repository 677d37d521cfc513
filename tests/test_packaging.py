"""The lock file has all that is needed, with hashes, from nowhere in particular; the bill of materials has it all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import cwm_lsp

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_all_that_is_needed_is_locked_with_hashes() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.split(r"[<>=;\s]", requirement)[0] for requirement in needed}
    locked = re.findall(r"^([a-z0-9._-]+)==(\S+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.M)
    assert names <= {name for name, _, _ in locked}
    assert len(locked) == len(re.findall(r"^[a-z0-9]", LOCK, re.M))
    assert "://" not in LOCK


def test_the_bill_of_materials_has_every_package_and_the_model() -> None:
    command = [sys.executable, str(ROOT / "packaging" / "sbom.py")]
    one, other = (subprocess.run(command, capture_output=True, check=True, timeout=60).stdout for _ in range(2))
    assert one == other
    bill = json.loads(one)
    components = {component["name"]: component for component in bill["components"]}
    assert set(re.findall(r"^([a-z0-9._-]+)==", LOCK, re.M)) | {"cwm-lsp bundled model"} == set(components)
    assert all(component["hashes"] for component in components.values())
    (own,) = bill["dependencies"]
    assert {component["bom-ref"] for component in bill["components"]} == set(own["dependsOn"])


def test_the_entries_of_registries_are_of_this_version(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "entries.py"), "https://example.org/cwm-lsp", str(tmp_path)],
        check=True,
        timeout=60,
    )
    mason = (tmp_path / "mason-package.yaml").read_text(encoding="utf-8")
    assert f"pkg:pypi/cwm-lsp@{cwm_lsp.__version__}\n" in mason
    assert "homepage: https://example.org/cwm-lsp\n" in mason
    own = (ROOT / "editor-clients" / "neovim" / "lsp" / "cwm_lsp.lua").read_text(encoding="utf-8")
    entry = (tmp_path / "nvim-lspconfig.lua").read_text(encoding="utf-8")
    assert re.findall(r"cmd = .*|filetypes = .*", own) == re.findall(r"cmd = .*|filetypes = .*", entry)


def test_known_faults_of_what_is_locked_are_told_without_a_network(tmp_path: Path) -> None:
    name, version = re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.M)[0]

    def advisory(number: str, **affected: object) -> None:
        entry = {"package": {"ecosystem": "PyPI", "name": name.upper()}, **affected}
        (tmp_path / f"{number}.json").write_text(json.dumps({"id": number, "summary": "bad", "affected": [entry]}))

    def audited() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "packaging" / "audit.py"), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert audited().returncode == 2
    advisory("OLD", ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": version}]}])
    advisory("LATER", ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": "9999"}]}])
    assert audited().returncode == 0
    advisory("LISTED", versions=["0.0.1", version])
    advisory("RANGED", ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": version}]}])
    told = audited()
    assert (told.returncode, told.stdout.splitlines()) == (
        1,
        [f"{name.upper()} {version}: LISTED bad", f"{name.upper()} {version}: RANGED bad"],
    )
