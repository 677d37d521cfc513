"""What a file has from other files: where it is defined, found as an import would find it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.source.files import read_source
from cwm_lsp.source.modules import SOURCE_BYTES, Finder
from cwm_lsp.source.recovery import module_statements

Read = Callable[[Path], str | None]
_Kinds = tuple[type[ast.stmt], ...]
_DEEPEST = 5  # re-exports of re-exports
_CLASSES: _Kinds = (ast.ClassDef,)
_ANYTHING: _Kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign)


@dataclass(frozen=True, slots=True)
class Place:
    """A module of a program."""

    source: str
    module: str
    """Dotted name."""
    package: str
    finder: Finder
    path: Path
    read: Read
    is_installed: bool = False

    @classmethod
    def of(cls, path: str, source: str, read: Read | None = None) -> Place | None:
        """That of a file; None for one without an absolute path. `read` gives the text of others: by default, as it is
        on disk."""
        file = Path(path)
        if not file.is_absolute():
            return None
        try:
            finder = Finder.around(file, source)
        except UnavailableError:
            return None
        name = finder.main_name
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        return cls(source, name, package, finder, file, read or _read)

    def definition(self, name: str) -> Definition | None:
        """The class in another file that a dotted name stands for; None where there is none, or it cannot be told."""
        return self._definition(name, _DEEPEST, _CLASSES)

    def origin(self, name: str) -> Definition | None:
        """The same of whatever is bound by a statement at the top level of another file: a function, a constant."""
        return self._definition(name, _DEEPEST, _ANYTHING)

    def absolute(self, name: str) -> str | None:
        """The dotted name, from the top, of what a dotted name stands for that begins with an imported one."""
        first, _, rest = name.partition(".")
        for node in _imports(self.source):
            for alias in node.names:
                if isinstance(node, ast.Import):
                    if name.startswith(f"{alias.asname or alias.name}."):
                        return alias.name + name[len(alias.asname or alias.name) :]
                elif (alias.asname or alias.name) == first:
                    module = self._absolute(node)
                    return None if module is None else ".".join(filter(None, (module, alias.name, rest)))
        return None

    def _definition(self, name: str, deepest: int, kinds: _Kinds) -> Definition | None:
        first, _, rest = name.partition(".")
        for node in _imports(self.source) if deepest else ():
            for alias in node.names:
                if isinstance(node, ast.Import):
                    prefix = alias.asname or alias.name
                    if name.startswith(f"{prefix}."):
                        return self._in(alias.name, name[len(prefix) + 1 :], deepest, kinds)
                elif (alias.asname or alias.name) == first:
                    module = self._absolute(node)
                    if module is None:
                        return None
                    inside = ".".join(filter(None, (alias.name, rest)))
                    found = self._in(module, inside, deepest, kinds)
                    return found or (self._in(f"{module}.{alias.name}", rest, deepest, kinds) if rest else None)
        return None

    def _in(self, module: str, name: str, deepest: int, kinds: _Kinds) -> Definition | None:
        found = self.finder.find(module)
        if found is None or found.path is None or found.kind not in ("source", "package"):
            return None
        text = self.read(found.path)
        if text is None:
            return None
        kept = found.installed or found.library
        there = replace(self, source=text, module=module, package=found.package, path=found.path, is_installed=kept)
        top = name.partition(".")[0]
        if any(isinstance(node, kinds) and top in _bound(node) for node in module_statements(text)):
            return Definition(there, name)
        return there._definition(name, deepest - 1, kinds)

    def _absolute(self, node: ast.ImportFrom) -> str | None:
        if not node.level:
            return node.module
        parts = self.package.split(".")
        if not self.package or node.level > len(parts):
            return None
        return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


Where = Callable[[], Place | None]
"""Where a file is, found out when it is needed."""


def nowhere() -> None:
    """A text that is not in a file."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a statement at the top level of a module defines, and that module."""

    place: Place
    name: str
    """Qualified."""


@lru_cache(maxsize=64)
def _imports(source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The import statements at the top level of a file, also those for type checkers alone."""
    found: list[ast.Import | ast.ImportFrom] = []
    todo = list(reversed(module_statements(source)))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If | ast.Try):
            todo += reversed([*node.body, *node.orelse])
    return tuple(found)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a definition or an assignment binds."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _read(path: Path) -> str | None:
    try:
        return _text(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _text(path: Path, changed: int) -> str | None:
    try:
        return read_source(path) if path.stat().st_size <= SOURCE_BYTES else None
    except (OSError, UserError):
        return None
