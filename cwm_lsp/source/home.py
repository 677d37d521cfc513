"""What decides which calls are calls of a file's functions."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .bind import dotted
from .functions import Face, Function
from .mending import NOWHERE
from .names import bound_names, global_names, is_defined
from .recovery import module_statements


@dataclass(frozen=True, slots=True)
class Home:
    """A file and some functions in it, as far as they decide what is a call of them."""

    functions: tuple[Face, ...]
    names: frozenset[str] | None
    """What the file defines, `global_names`."""
    imported: frozenset[str]
    """Those of them that import statements bind."""
    classes: tuple[tuple[str, tuple[str, ...]], ...]
    """Its classes and the names of their bases."""

    @classmethod
    def of(cls, source: str, wanted: Sequence[Function]) -> Home:
        body = module_statements(source)
        classes = [node for node in body if isinstance(node, ast.ClassDef)]
        return the_same(
            cls(
                tuple(function.face for function in wanted),
                global_names(source),
                imported_names(body),
                tuple((node.name, tuple(dotted(base) or "" for base in node.bases)) for node in classes),
            )
        )

    def keeps(self, name: str) -> bool:
        """Whether a name has a value at the top level of the file."""
        return is_defined(name, self.names)

    def takes(self, name: str) -> bool:
        """Whether a name means something in the file, as far as that is known."""
        return is_defined(name, self.names or frozenset())

    def family(self, function: Face) -> frozenset[str]:
        """The class that a function is in and the classes of the file that inherit from it."""
        family = {function.parent or ""}
        for name, bases in self.classes:
            if not family.isdisjoint(bases):
                family.add(name)
        return frozenset(family)


@lru_cache(maxsize=32)
def the_same(home: Home) -> Home:
    """An equal one that was there before: comparing it with itself is quick."""
    return home


def imported_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that a module's import statements bind; what does not parse for now is not imported."""
    imports = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return bound_names([node for node in imports if getattr(node, "module", None) != NOWHERE]) or frozenset()
