"""Which file an interpreter would import for a dotted name. Nothing is imported and no interpreter is started: folders
and files are looked at, as `importlib`'s path finders do (https://docs.python.org/3/reference/import.html).
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cwm_lsp.source.environment import INSTALLED, interpreter, layout

from .trees import tree_of

SOURCE_BYTES = 1 << 20
"""A larger file is not read."""
_EXTENSION = re.compile(r"\.(?:cpython-[\w.-]+|abi3|cp\d+-[\w.-]+|pypy[\w.-]+)?\.?(?:so|pyd)$")
_VERSION = re.compile(r"python(\d)\.(\d+)$")

Kind = Literal["source", "package", "namespace", "extension", "builtin"]
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A module as it would be imported."""

    name: str
    kind: Kind
    path: Path | None = None
    """Its file; of a package, that of its `__init__`. None for namespaces and what is built in."""
    locations: tuple[str, ...] = ()
    """Where a package's submodules are looked for."""
    library: bool = False
    """It comes with Python."""
    installed: bool = False
    """It is of the interpreter's `site-packages`, or comes with Python."""

    @property
    def is_package(self) -> bool:
        return self.kind in ("package", "namespace")

    @property
    def package(self) -> str:
        """Its `__package__`: what relative imports in it start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Installation:
    """An interpreter's own folders, read off the layout of its files."""

    version: Version | None
    stdlib: Path | None
    site: tuple[str, ...]
    """Its `site-packages`, with the folders that `.pth` files add."""
    editable: tuple[tuple[str, str], ...] = ()
    """Top-level names and the folder or file that an editable installation maps them to."""


def installation(python: Path) -> Installation:
    """The folders of an interpreter, which is not started."""
    if python == Path(sys.executable):
        paths = sysconfig.get_paths()
        site = tuple(dict.fromkeys((paths["purelib"], paths["platlib"])))
        return _with_paths(sys.version_info[:2], Path(paths["stdlib"]), site)
    return _installation(python)


@functools.lru_cache(maxsize=32)
def _installation(python: Path) -> Installation:
    prefix = python.parent.parent
    base = prefix
    system = True
    for folder in (python.parent, prefix):
        if (folder / "pyvenv.cfg").is_file():
            settings = _settings(folder / "pyvenv.cfg")
            prefix, home = folder, Path(settings.get("home", ""))
            base = home if (home / "Lib" / "os.py").is_file() else home.parent
            system = settings.get("include-system-site-packages", "") == "true"
            break
    else:
        real = python.resolve()
        base = prefix = real.parent.parent if not (real.parent / "Lib").is_dir() else real.parent
    stdlib, version = _stdlib(base, python.resolve().name)
    if stdlib is None or version is None:
        return Installation(None, None, ())
    sites = list(_sites(prefix, version))
    if system and base != prefix:
        sites += _sites(base, version)
    return _with_paths(version, stdlib, tuple(dict.fromkeys(sites)))


def _settings(file: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _stdlib(base: Path, program: str) -> tuple[Path | None, Version | None]:
    """The standard library of an installation at `base` and its version."""
    if (base / "Lib" / "os.py").is_file():  # Windows
        found = re.search(r"python(\d)(\d+)\.dll", " ".join(item.name for item in base.glob("python3?*.dll")))
        return base / "Lib", (int(found[1]), int(found[2])) if found else None
    named = _VERSION.search(program)
    for folder in sorted(base.glob("lib*/python3.*"), key=lambda item: len(item.name)):
        version = _VERSION.search(folder.name)
        if version and (folder / "os.py").is_file() and (named is None or named.group() == version.group()):
            return folder, (int(version[1]), int(version[2]))
    return None, None


def _sites(prefix: Path, version: Version) -> Iterator[str]:
    major, minor = version
    places = [
        f"lib/python{major}.{minor}/site-packages",
        f"lib64/python{major}.{minor}/site-packages",
        "Lib/site-packages",
        f"local/lib/python{major}.{minor}/dist-packages",
        "lib/python3/dist-packages",
    ]
    yield from (str(prefix / place) for place in places if (prefix / place).is_dir())


def _with_paths(version: Version, stdlib: Path, sites: Sequence[str]) -> Installation:
    """What `.pth` files add to `sites`: folders, and what editable installations map. Their code is not run."""
    folders: list[str] = []
    editable: list[tuple[str, str]] = []
    for site in sites:
        folders.append(site)
        for file in sorted(Path(site).glob("*.pth")):
            for line in _lines(file):
                if line.startswith(("import ", "import\t")):
                    finder = re.search(r"\b(__editable___\w+_finder)\b", line)
                    if finder:
                        editable += _mapping(Path(site) / f"{finder[1]}.py")
                elif line and not line.startswith("#") and (Path(site) / line).exists():
                    folders.append(str(Path(site) / line))
    return Installation(version, stdlib, tuple(dict.fromkeys(folders)), tuple(editable))


def _lines(file: Path) -> list[str]:
    try:
        return [line.rstrip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []


def _mapping(finder: Path) -> list[tuple[str, str]]:
    """The `MAPPING` of an editable installation's finder, as setuptools writes it."""
    try:
        tree = tree_of(finder.read_text(encoding="utf-8"))
        for node in tree.body:
            target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == "MAPPING":
                return list(ast.literal_eval(node.value).items())  # type: ignore[attr-defined]
    except (OSError, SyntaxError, ValueError, AttributeError):
        pass
    return []


class Finder:
    """Finds modules as an interpreter would that has `folders` in front of its own path.

    `main` is the file that is run, under the dotted name `main_name`. What was found is kept: files that come or go
    later are not seen.
    """

    def __init__(
        self, folders: Sequence[str], own: Installation, *, main: Path | None = None, main_name: str = "__main__"
    ) -> None:
        self.folders = tuple(folders)
        self.own = own
        self.main = main
        self.main_name = main_name
        library = [] if own.stdlib is None else [str(own.stdlib), str(own.stdlib / "lib-dynload")]
        self._path = [*self.folders, *library, *own.site]
        self._library = frozenset(library)
        self._site = frozenset(own.site)
        self._editable = dict(own.editable)
        self._found: dict[str, Found | None] = {}
        self._folders: dict[str, dict[str, list[str]]] = {}

    @classmethod
    def around(cls, path: Path, source: str, python: Path | None = None) -> Finder:
        """The finder for a file (absolute path) as the recorder runs it: in its project, by its interpreter.

        Raises `UnavailableError` where the interpreter asked for is not a program.
        """
        place = layout(path, source)
        own = installation(interpreter(path, python))
        return cls(place.sys_path, own, main=path, main_name=place.module)

    @property
    def complete(self) -> bool:
        """Whether a name that is not found is certainly not there."""
        return self.own.stdlib is not None

    @property
    def of_library(self) -> bool:
        """Whether the file that is run comes with the interpreter."""
        stdlib = self.own.stdlib
        return self.main is not None and stdlib is not None and self.main.is_relative_to(stdlib)

    def find(self, name: str) -> Found | None:
        """The module of a dotted name, None where there is none."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def _look(self, name: str) -> Found | None:
        if name == self.main_name and self.main is not None:
            init = self.main.name == "__init__.py"
            where = (str(self.main.parent),) if init else ()
            return Found(name, "package" if init else "source", self.main, where)
        parent, _, last = name.rpartition(".")
        if not parent:
            if name in sys.builtin_module_names:
                return Found(name, "builtin", library=True, installed=True)
            mapped = self._editable.get(name)
            return self._in(name, last, self._path) or (self._mapped(name, Path(mapped)) if mapped else None)
        around = self.find(parent)
        return self._in(name, last, around.locations) if around is not None else None

    def _mapped(self, name: str, target: Path) -> Found | None:
        if (target / "__init__.py").is_file():
            return Found(name, "package", target / "__init__.py", (str(target),))
        if target.is_dir():
            return Found(name, "namespace", None, (str(target),))
        return Found(name, "source", target) if target.is_file() else None

    def _in(self, name: str, last: str, path: Sequence[str]) -> Found | None:
        """As `PathFinder` and `FileFinder` look: in each folder a package, then an extension, then a file."""
        portions: list[str] = []
        for folder in path:
            items = self._listing(folder).get(last, ())
            kept = self._kept(folder)
            inside = f"{folder}/{last}"
            if last in items:
                inner = self._listing(inside).get("__init__", ())
                if any(_EXTENSION.fullmatch(item[len("__init__") :]) for item in inner):
                    return Found(name, "extension", None, (inside,), *kept)
                if "__init__.py" in inner:
                    return Found(name, "package", Path(inside, "__init__.py"), (inside,), *kept)
            if any(_EXTENSION.fullmatch(item[len(last) :]) for item in items):
                return Found(name, "extension", None, (), *kept)
            if f"{last}.py" in items:
                return Found(name, "source", Path(folder, f"{last}.py"), (), *kept)
            if last in items and Path(inside).is_dir():
                portions.append(inside)
        return Found(name, "namespace", None, tuple(portions)) if portions else None

    def _kept(self, folder: str) -> tuple[bool, bool]:
        """Whether a folder is of the standard library, and whether it is installed."""
        library = any(folder == place or folder.startswith(f"{place}/") for place in self._library)
        installed = library or any(folder == place or folder.startswith(f"{place}/") for place in self._site)
        if installed and not INSTALLED.isdisjoint(Path(folder).parts):
            library = False
        return library, installed

    def shadowed(self, name: str) -> bool:
        """Whether a file in front of the interpreter's path has the name of a module of the standard library: which of
        the two is imported hangs on what was loaded before."""
        if not self.folders or self.own.stdlib is None:
            return False
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names
        return known and any(top in self._listing(folder) for folder in self.folders)

    def _listing(self, folder: str) -> dict[str, list[str]]:
        """The names of what is in a folder, by what stands before the first dot."""
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = {}
            with suppress(OSError):
                for item in os.listdir(folder):  # noqa: PTH208  no paths are needed
                    found.setdefault(item.partition(".")[0], []).append(item)
        return found
