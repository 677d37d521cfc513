"""The static finder names the file that `importlib` would import, over all that is installed around the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.source.modules import Finder, Found, installation

ASK = """
import importlib.machinery, json, sys
names, folders = json.load(sys.stdin)
sys.path[:0] = folders
told = {}
def spec_of(name):
    path = None
    for finder in sys.meta_path:
        parent = name.rpartition(".")[0]
        if parent:
            above = told.get(parent)
            if above is None or above[2] is None:
                return None
            path = above[2]
        try:
            spec = finder.find_spec(name, path)
        except KeyError:  # a namespace asks for its parent, which has not been imported
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        except (ImportError, AttributeError):
            continue
        if spec is not None:
            return spec
    return None
for name in names:
    spec = spec_of(name)
    if spec is None:
        told[name] = None
        continue
    inside = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    told[name] = [type(spec.loader).__name__ if spec.loader is not None else None, spec.origin, inside]
print(json.dumps(told))
"""


def of_importlib(python: str, names: list[str], folders: list[str]) -> dict[str, list[object] | None]:
    """For each name (parents before their children) the loader, the origin and where submodules are."""
    command = [python, "-I", "-c", ASK]
    done = subprocess.run(command, input=json.dumps([names, folders]), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, list[object] | None] = json.loads(done.stdout)
    return told


def kind_of(told: list[object] | None) -> tuple[str | None, str | None]:
    """What a spec says, in the finder's words: the kind, and the file of what has a source."""
    if told is None:
        return None, None
    loader, origin, inside = told
    if loader in ("NamespaceLoader", "_NamespaceLoader", None):
        return "namespace", None
    if loader == "ExtensionFileLoader":
        return "extension", None
    if loader in ("type", "BuiltinImporter", "FrozenImporter") and origin == "built-in":
        return "builtin", None
    return ("package" if inside is not None else "source"), str(origin)


def said(found: Found | None) -> tuple[str | None, str | None]:
    return (None, None) if found is None else (found.kind, str(found.path) if found.path is not None else None)


def names_in(folder: Path, depth: int) -> list[str]:
    """Modules and packages in a folder, parents before their children."""
    names: list[str] = []
    for item in sorted(folder.iterdir()):
        if item.is_dir() and item.name.isidentifier() and item.name != "__pycache__":
            names.append(item.name)
            names += [f"{item.name}.{inner}" for inner in (names_in(item, depth - 1) if depth else [])]
        elif item.suffix in (".py", ".so", ".pyd") and (stem := item.name.partition(".")[0]).isidentifier():
            names += [stem] if stem != "__init__" else []
    return list(dict.fromkeys(names))


def test_it_agrees_with_importlib_over_what_is_installed() -> None:
    own = installation(Path(sys.executable))
    names = [name for site in own.site if Path(site).is_dir() for name in names_in(Path(site), 1)]
    names += sorted(name for name in sys.stdlib_module_names if not name.startswith("_"))
    names = list(dict.fromkeys([*names, "json.decoder", "email.mime.text", "no_such_module", "json.nothing"]))
    parents = [".".join(name.split(".")[:n]) for name in names for n in range(1, name.count(".") + 1)]
    names = sorted({*names, *parents}, key=lambda name: (name.count("."), name))
    assert len(names) > 300
    finder = Finder((), own)
    replaced = {"distutils"} if any(name.startswith("setuptools") for name in names) else set()  # by setuptools' hook
    wrong = {
        name: (said(finder.find(name)), kind_of(told))
        for name, told in of_importlib(sys.executable, names, []).items()
        if name.partition(".")[0] not in replaced
        and said(finder.find(name)) != kind_of(told)
        and (told is None or told[1] != "frozen")
    }
    assert not wrong, list(wrong.items())[:10]


FILES = {
    "first/alpha.py": "",
    "first/both/__init__.py": "",
    "first/both/inner.py": "",
    "first/space/one.py": "",
    "second/alpha.py": "",
    "second/both.py": "",
    "second/space/two.py": "",
    "second/space/__pycache__/x.py": "",
    "second/late/__init__.py": "",
    "third/late.py": "",
    "third/space/__init__.py": "",
    "third/space/three.py": "",
    "third/json/__init__.py": "",
}
NAMES = [
    "alpha", "both", "both.inner", "both.nothing", "space", "space.one", "space.two", "space.three", "late", "late.x",
    "nowhere",
]  # fmt: skip


@pytest.mark.parametrize("order", [("first", "second", "third"), ("third", "second", "first"), ("second", "first")])
def test_it_agrees_on_packages_namespaces_and_their_order(order: tuple[str, ...], tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folders = [str(tmp_path / name) for name in order]
    finder = Finder(folders, installation(Path(sys.executable)))
    told = of_importlib(sys.executable, NAMES, folders)
    assert {name: said(finder.find(name)) for name in NAMES} == {name: kind_of(told[name]) for name in NAMES}


def test_pth_files_and_editable_installs_are_followed_and_not_run(tmp_path: Path) -> None:
    """A virtual environment as `pip install -e` leaves it; its interpreter is asked, and the finder reads it."""
    environment = tmp_path / "env"
    done = subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], timeout=120)
    assert done.returncode == 0
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    site = next(environment.rglob("site-packages"))
    listed, mapped = tmp_path / "listed", tmp_path / "mapped" / "src" / "thing"
    for folder in (listed, mapped):
        folder.mkdir(parents=True)
    (listed / "by_path.py").write_text("")
    (mapped / "__init__.py").write_text("")
    (mapped / "part.py").write_text("")
    mark = tmp_path / "mark"
    (site / "a.pth").write_text(f"# a comment\n{listed}\n/nowhere/at/all\n")
    (site / "b.pth").write_text("import __editable___thing_1_0_finder; __editable___thing_1_0_finder.install()\n")
    (site / "__editable___thing_1_0_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'thing': {str(mapped)!r}}}\n"
        "import importlib.util, sys\n"
        f"open({str(mark)!r}, 'a').close()\n"
        "class Finder:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name in MAPPING:\n"
        "            place = MAPPING[name]\n"
        "            return importlib.util.spec_from_file_location(\n"
        "                name, place + '/__init__.py', submodule_search_locations=[place])\n"
        "def install():\n"
        "    sys.meta_path.append(Finder)\n"
    )
    finder = Finder((), installation(python))
    names = ["by_path", "thing", "thing.part", "thing.nothing"]
    found = {name: said(finder.find(name)) for name in names}
    assert not mark.exists()
    told = of_importlib(str(python), names, [])
    assert found == {name: kind_of(told[name]) for name in names}
    assert found["thing.part"] == ("source", str(mapped / "part.py"))
