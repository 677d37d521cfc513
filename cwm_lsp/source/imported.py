"""Classes that a file has from other files: where they are defined, found as an import would find them."""

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

_DEEPEST = 5  # re-exports of re-exports


@dataclass(frozen=True, slots=True)
class Place:
    """A module of a program."""

    source: str
    module: str
    """Dotted name."""
    package: str
    finder: Finder

    @classmethod
    def of(cls, path: str, source: str) -> Place | None:
        """That of a file; None for one without an absolute path."""
        file = Path(path)
        if not file.is_absolute():
            return None
        try:
            finder = Finder.around(file, source)
        except UnavailableError:
            return None
        name = finder.main_name
        return cls(source, name, name if file.name == "__init__.py" else name.rpartition(".")[0], finder)

    def definition(self, name: str) -> Definition | None:
        """The class in another file that a dotted name stands for; None where there is none, or it cannot be told."""
        return self._definition(name, _DEEPEST)

    def _definition(self, name: str, deepest: int) -> Definition | None:
        first, _, rest = name.partition(".")
        for node in _imports(self.source) if deepest else ():
            for alias in node.names:
                if isinstance(node, ast.Import):
                    prefix = alias.asname or alias.name
                    if name.startswith(f"{prefix}."):
                        return self._in(alias.name, name[len(prefix) + 1 :], deepest)
                elif (alias.asname or alias.name) == first:
                    module = self._absolute(node)
                    if module is None:
                        return None
                    inside = ".".join(filter(None, (alias.name, rest)))
                    found = self._in(module, inside, deepest)
                    return found or (self._in(f"{module}.{alias.name}", rest, deepest) if rest else None)
        return None

    def _in(self, module: str, name: str, deepest: int) -> Definition | None:
        found = self.finder.find(module)
        if found is None or found.path is None or found.kind not in ("source", "package"):
            return None
        text = _text(found.path, _changed(found.path))
        if text is None:
            return None
        there = replace(self, source=text, module=module, package=found.package)
        top = name.partition(".")[0]
        if any(isinstance(node, ast.ClassDef) and node.name == top for node in module_statements(text)):
            return Definition(there, name)
        return there._definition(name, deepest - 1)

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
    """A class, and the module that defines it."""

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


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _text(path: Path, changed: int) -> str | None:
    try:
        return read_source(path) if path.stat().st_size <= SOURCE_BYTES else None
    except (OSError, UserError):
        return None
