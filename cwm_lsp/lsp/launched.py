"""Runs one call in the process that the user debugs: `launched.py FILE MODULE CALL FOLDER…`.

The folders go in front of the import path. Standard library only, Python 3.8 and newer: the interpreter is the user's.
"""

import ast
import asyncio
import importlib
import importlib.util
import inspect
import sys
import types

from cwm_lsp.source.trees import tree_of


def main() -> None:
    """Import the module, evaluate the call in it."""
    path, name, call, *folders = sys.argv[1:]
    sys.path[:1] = folders  # This file's own folder must not be imported from.
    sys.argv[:] = [path]
    namespace = vars(_module(name, path))
    *before, last = tree_of(call).body
    exec(compile(ast.Module(before, []), "<call>", "exec"), namespace)  # noqa: S102  # what the user asks for
    assert isinstance(last, ast.Expr)
    result = eval(compile(ast.Expression(last.value), "<call>", "eval"), namespace)  # noqa: S307
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    print(f"{call} → {result!r}")  # noqa: T201


def _module(name: str, path: str) -> types.ModuleType:
    if name not in sys.modules:
        return importlib.import_module(name)
    # A file called like a module that is in use already: `json.py`, `types.py`.
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
