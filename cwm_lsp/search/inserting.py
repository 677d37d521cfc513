"""A crash as a test of its module: where it goes, and its text."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cwm_lsp.search.crash import Crash
from cwm_lsp.search.workspace import tests_of
from cwm_lsp.source.environment import layout, project
from cwm_lsp.source.prepared import imports_apart
from cwm_lsp.source.trees import expression_of, tree_of

Expect = Literal["raises", "xfail"]
"""That the exception is meant; that it is a fault which is yet to be mended."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Text to be put into a file."""

    path: Path
    is_new: bool
    imports: str
    """For the line after the file's last import."""
    line: int
    """0-based, of `imports`; the test itself goes to the end."""
    test: str


def insertion(path: Path, text: str, crash: Crash, expect: Expect) -> Insertion:
    """The test of a crash of a function in the file at `path` (absolute) with that text: in the test file of its module
    if there is one, else in a new one."""
    file, tests = _test_file(path)
    module = layout(path, text).module
    name = re.sub(r"\W+", "_", f"test_{crash.function}_{_snake(crash.type)}").lower()
    while re.search(rf"\bdef {name}\b", tests):
        name += "_"
    known = _bound(tests)
    apart, call = imports_apart(crash.call, known | _free(crash.call) | _free(crash.type))
    if expect == "raises":
        test = f"def {name}():\n    with pytest.raises({crash.type}):\n        {call}\n"
    else:
        mark = f"@pytest.mark.xfail(raises={crash.type}, strict=True)"
        test = f"{mark}\ndef {name}():\n    {call}\n"
    needed = sorted(_free(crash.call) | _free(crash.type))
    missing = [one for one in needed if one not in known and one not in vars(builtins)]
    imports = "" if "pytest" in known else "import pytest\n"
    if missing:
        imports += f"from {module} import {', '.join(missing)}\n"
    imports += "".join(f"{one}\n" for one in apart)
    gap = "\n\n" if tests.endswith("\n") or not tests else "\n\n\n"
    return Insertion(file, not tests, imports, _after_imports(tests), gap + test)


def _test_file(path: Path) -> tuple[Path, str]:
    """The file with the tests of a module, and its text; of one that is not there an empty one."""
    wanted = {f"test_{path.stem}.py", f"{path.stem}_test.py"}
    for name, text in tests_of(path).items():
        if Path(name).name in wanted:
            return Path(name), text
    root = project(path)
    folder = root / "tests"
    return (folder if folder.is_dir() else path.parent) / f"test_{path.stem}.py", ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)


def _free(expression: str) -> set[str]:
    """The names that an expression needs."""
    nodes = list(ast.walk(expression_of(expression)))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} - bound


def _bound(text: str) -> set[str]:
    """The names that a file imports or defines at its top level."""
    found: set[str] = set()
    try:
        tree = tree_of(text)
    except SyntaxError:
        return found
    for node in tree.body:
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
    return found


def _after_imports(text: str) -> int:
    """The 0-based line after a file's imports, or after its docstring."""
    try:
        tree = tree_of(text)
    except SyntaxError:
        return 0
    ends = [node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    docstring = tree.body[0] if tree.body and ast.get_docstring(tree) is not None else None
    return max(ends, default=(docstring.end_lineno or 0) if docstring is not None else 0)
