"""`import`, of the allow-list alone."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.values import GaveUp, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter


class Imports:
    """The imports of one evaluation: every one has modules of its own, which it may change."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.modules: dict[str, library.Module] = {}

    def find(self, name: str) -> Any:
        """The module called `name`, or an `Unknown`."""
        if name not in library.MODULES:
            return self.interpreter.runtime.unknown()
        if name not in self.modules:
            listed = library.MODULES[name]
            self.modules[name] = library.Module(listed.name, dict(listed.members))
        return self.modules[name]

    def sure_in(self, statements: list[ast.stmt]) -> bool:
        """Whether the imports in statements are sure to succeed."""
        return all(self.sure(node) for statement in statements for node in ast.walk(statement))

    @staticmethod
    def sure(node: ast.AST) -> bool:
        """Whether an import is sure to succeed: of the allow-list, or of a module that comes with Python."""
        if isinstance(node, ast.ImportFrom):
            if node.level or node.module not in library.MODULES:
                return False
            found = sys.modules.get(node.module)
            members = library.MODULES[node.module].members
            return all(item.name in members or hasattr(found, item.name) for item in node.names)
        if isinstance(node, ast.Import):
            names = [item.name for item in node.names]
            return all(name in library.MODULES or _comes_with_python(name.split(".")[0]) for name in names)
        return True

    def module(self, name: str, *, whole: bool) -> Any:
        """What `import name` binds: the first package of a dotted name if `whole`."""
        found = self.find(name)
        if not whole or "." not in name or type(found) is Unknown:
            return found
        return self.find(name.split(".")[0])

    def member(self, module: str, level: int, name: str) -> Any:
        """What `from module import name` binds."""
        if level or module not in library.MODULES:
            return self.interpreter.runtime.unknown()
        found = self.find(module)
        if name in found.members:
            return found.members[name]
        if f"{module}.{name}" in library.MODULES:
            return self.find(f"{module}.{name}")
        return Unknown()

    def star(self, frame: Frame, module: str, level: int) -> None:
        """`from module import *`."""
        if level or module not in library.MODULES:
            raise GaveUp(f"the names in {module or 'a package'} are not known")
        frame.vars.update(self.find(module).members)


@functools.lru_cache(maxsize=500)
def _comes_with_python(name: str) -> bool:
    return name in sys.stdlib_module_names and importlib.util.find_spec(name) is not None
