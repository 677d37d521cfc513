"""The instructions that lines follow from are those that CPython 3.11's own compiler makes."""

from __future__ import annotations

import ast
import dis
import sysconfig
import types
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cwm_lsp.evaluate.layout.blocks import JUMPS, first_index
from cwm_lsp.evaluate.layout.code import instructions
from cwm_lsp.evaluate.layout.folding import folded, imported_names
from cwm_lsp.evaluate.scopes import Scope, analyse, postpones
from tests.evaluate import programs, wider
from tests.evaluate.recording import only_on_the_reference

pytestmark = [only_on_the_reference, pytest.mark.slow]
Row = tuple[str, int, int | None, int | None]
"""Operation, line, target, handler."""
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = ("argparse", "dataclasses", "enum", "functools", "typing", "test/test_patma", "test/test_coroutines")


def plain(op: str) -> str:
    """An operation's name without what does not matter for lines."""
    for how in ("LOAD", "STORE", "DELETE"):
        if op in (f"{how}_FAST", f"{how}_NAME", f"{how}_GLOBAL", f"{how}_DEREF", f"{how}_CLASSDEREF"):
            return how
    if op.startswith("JUMP_") and "_IF_" not in op:
        return "JUMP"
    return op.replace("_FORWARD", "").replace("_BACKWARD", "")


def real(code: types.CodeType) -> list[Row]:
    places: dict[int, int] = {}
    kept: list[dis.Instruction] = []
    waiting: list[int] = []
    started = False
    for item in dis.get_instructions(code):
        started = started or item.opname == "RESUME"
        if not started:
            continue
        waiting.append(item.offset)
        if item.opname != "EXTENDED_ARG":
            places.update(dict.fromkeys(waiting, len(kept)))
            waiting.clear()
            kept.append(item)
    handlers = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    rows = []
    for item in kept:
        jumps = item.opcode in dis.hasjrel or item.opcode in dis.hasjabs
        handler = next((places[entry.target] for entry in handlers if entry.start <= item.offset < entry.end), None)
        line = item.positions.lineno if item.positions is not None else None
        rows.append((plain(item.opname), -1 if line is None else line, places[item.argval] if jumps else None, handler))
    return rows


def derived(node: ast.AST, scope: Scope, imported: frozenset[str], postponed: bool) -> list[Row]:
    return [
        (
            plain(item.op),
            item.line,
            first_index(item.target) if item.op in JUMPS else None,
            first_index(item.handler) if item.handler is not None else None,
        )
        for item in instructions(node, scope, imported, postponed=postponed)
    ]


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def check(source: str) -> int:
    """Compare every code object that can be told by its name and line; gives how many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = list(codes(compile(source, "<source>", "exec", dont_inherit=True)))
        tree = folded(ast.parse(source), source)
    imported, postponed = imported_names(tree), postpones(tree)
    compared = 0
    for node, scope in analyse(tree).items():
        decorators = getattr(node, "decorator_list", None)
        first = (decorators[0] if decorators else node).lineno if not isinstance(node, ast.Module) else 1
        found = [code for code in compiled if (code.co_name, code.co_firstlineno) == (scope.name, first)]
        if len(found) == 1:
            assert derived(node, scope, imported, postponed) == real(found[0]), f"{scope.name}, line {first}"
            compared += 1
    return compared


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_the_standard_library_is_compiled_alike(name: str) -> None:
    assert check((LIBRARY / f"{name}.py").read_text("utf-8"))


@pytest.mark.parametrize("seed", range(40))
def test_a_random_program_is_compiled_alike(seed: int) -> None:
    for source in (programs.program(seed), wider.program(seed)):
        with suppress(SyntaxError):
            assert check(source)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_standard_library_is_compiled_alike() -> None:
    compared = 0
    for path in sorted(LIBRARY.rglob("*.py")):
        if "site-packages" in path.parts or "lib2to3" in path.parts:
            continue
        try:
            source = path.read_text("utf-8")
            compile(source, str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        compared += check(source)
    assert compared > 30_000
