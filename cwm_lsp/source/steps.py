"""What is done before a call where it stands: the statements that make the objects which it is called with.

A name there stands for an expression as long as nothing changes its object. From then on it is a *variable*: what
makes and changes it are steps, of which a call carries those that it needs.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .names import bound_in
from .prepared import Prepared
from .trees import FILENAME, changed, walk

LARGEST = 2_000
"""Nodes of a call, with all that prepares it."""
_MOST = 30
"""Statements that prepare a call."""
_CONSTANT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_Node = TypeVar("_Node", bound=ast.AST)


class NotKnown(Exception):
    """The expression needs something that the file does not define."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a local name stands for."""

    expression: ast.expr
    """In the namespace of the file that calls are lifted into, and of variables."""
    size: int
    written: ast.expr | None = None
    """As it stands where the name is."""


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that makes or changes variables."""

    number: int
    statement: ast.stmt
    variables: frozenset[str]
    """All that it mentions."""
    size: int


class Environment(dict[str, "Known | None"]):
    """Local name (dotted for attributes, `self.stack`) → what it stands for; None: not known."""

    def __init__(self, names: Mapping[str, Known | None] = {}, *, steps: Steps | None = None) -> None:
        super().__init__(names)
        self.steps = Steps() if steps is None else steps

    def copy(self) -> Environment:
        return Environment(self, steps=self.steps.copy())

    def beside(self, names: dict[str, Known | None]) -> Environment:
        """Other names for the same objects."""
        return Environment(names, steps=self.steps)


class Steps:
    """The steps of each variable. A variable's name has a blank in it, so that no other has it."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[Step, ...]] = {}
        self.constant: dict[str, tuple[Step, ...]] = {}
        """Those of functions, classes and what is imported: also those of copies."""
        self.shared: dict[tuple[int, str], str | None] = {}
        """Which place's name for one of these → its variable; None where it cannot be had."""
        self._numbers = itertools.count()

    def copy(self) -> Steps:
        made = copy.copy(self)
        made.of = dict(self.of)
        return made

    def variable(self, name: str) -> str:
        """A new variable for what is called so where it stands."""
        return f"{name.rpartition('.')[2]} {next(self._numbers)}"

    def add(self, statement: ast.stmt, of: Iterable[str]) -> None:
        """Note that a statement makes or changes some variables."""
        nodes = list(walk(statement))
        step = Step(next(self._numbers), statement, variables_in(nodes), len(nodes))
        if isinstance(statement, _CONSTANT):
            self.constant.update((variable, (step,)) for variable in of)
        else:
            self.of.update((variable, (*self.of.get(variable, ()), step)) for variable in of)

    def made_by(self, variable: str) -> ast.expr | None:
        """The expression that a variable is made by."""
        first = next(iter(self.of.get(variable, ())), None)
        return first.statement.value if first is not None and isinstance(first.statement, ast.Assign) else None

    def is_constant(self, expression: ast.expr) -> bool:
        """Whether an expression names no variable but functions, classes and what is imported."""
        return variables_in(walk(expression)) <= self.constant.keys()

    def before(self, expression: ast.expr) -> list[Step]:
        """The steps that an expression needs, in order. Raises `NotKnown` where they are too many."""
        found: dict[int, Step] = {}
        todo = list(variables_in(walk(expression)))
        seen = set(todo)
        size = 0
        while todo:
            variable = todo.pop()
            for step in (*self.constant.get(variable, ()), *self.of.get(variable, ())):
                if step.number not in found:
                    found[step.number] = step
                    size += step.size
                    todo += step.variables - seen
                    seen |= step.variables
            if size > LARGEST or len(found) > 2 * _MOST:
                raise NotKnown
        return [found[number] for number in sorted(found)]

    def prepared(self, expression: ast.expr, is_taken: Callable[[str], bool]) -> Prepared:
        """A call with the statements that it needs. What is needed once is written where it is needed; `is_taken`: a
        name that no variable is to have. Raises `NotKnown` where it would be too much."""
        steps = self.before(expression)
        if not steps:
            return Prepared((), expression)
        parts: list[ast.AST] = [*(step.statement for step in steps), expression]
        inline = _used_once(steps, parts)
        named = _Named(inline, is_taken, parts)
        before = [named.visit(step.statement) for step in steps if _variable_of(step) not in inline]
        if len(before) > _MOST:
            raise NotKnown
        return Prepared(_with_imports_joined(before), named.visit(expression))


def variables_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The variables that some nodes name."""
    names = (getattr(node, "id", None) or getattr(node, "name", None) for node in nodes)
    return frozenset(name for name in names if isinstance(name, str) and " " in name)


def _variable_of(step: Step) -> str | None:
    """The variable that a step assigns and nothing else."""
    match step.statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def _constants(statement: ast.stmt) -> list[str]:
    """The variables that a statement makes which stay what they are."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
    return []


def _used_once(steps: Sequence[Step], parts: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """Variables that are made by an expression alone, of nothing that changes, and read once."""
    nodes = [node for part in parts for node in walk(part)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    reads: dict[str, int] = {}
    writes: dict[str, int] = {}
    for name in names:
        counts = reads if isinstance(name.ctx, ast.Load) else writes
        counts[name.id] = counts.get(name.id, 0) + 1
    repeated = {
        node.id for outer in nodes if isinstance(outer, _REPEATED) for node in walk(outer) if isinstance(node, ast.Name)
    }
    found: dict[str, ast.expr] = {}
    constant = {name for step in steps for name in _constants(step.statement)}
    for step in steps:
        variable = _variable_of(step)
        if variable is None or (reads.get(variable), writes.get(variable)) != (1, 1) or variable in repeated:
            continue
        assert isinstance(step.statement, ast.Assign)
        if step.variables - {variable} - constant <= found.keys():
            found[variable] = step.statement.value
    return found


SCOPES = (
    ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.ClassDef,
)  # fmt: skip
_REPEATED = (ast.For, ast.While, *SCOPES)
"""What is inside of them may be evaluated never, later or several times."""


def _names_needed(node: ast.AST) -> set[str]:
    """The names that no variable may have: those that a node reads but for its own scopes', and those that are bound
    where a variable is read."""
    nodes = walk(node)
    names = {part.id for part in nodes if isinstance(part, ast.Name)}
    for scope in nodes:
        if isinstance(scope, SCOPES):
            bound = bound_in(scope)
            names = names | bound if variables_in(walk(scope)) else names - bound
    return names


class _Named(ast.NodeVisitor):
    """Gives statements names for their variables."""

    def __init__(self, inline: dict[str, ast.expr], is_taken: Callable[[str], bool], parts: Sequence[ast.AST]) -> None:
        self._inline = inline
        self._is_taken = is_taken
        self._names: dict[str, str] = {}
        self._used = {name for part in parts for name in _names_needed(part)}

    def name(self, variable: str) -> str:
        if " " not in variable:
            return variable
        if variable not in self._names:
            base = variable.partition(" ")[0]
            number, name = 1, base
            while name in self._used or self._is_taken(name):
                number += 1
                name = f"{base}_{number}"
            self._used.add(name)
            self._names[variable] = name
        return self._names[variable]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._inline and isinstance(node.ctx, ast.Load):
            inlined: ast.expr = self.visit(self._inline[node.id])
            return inlined
        return ast.Name(self.name(node.id), node.ctx) if " " in node.id else node

    def visit_alias(self, node: ast.alias) -> ast.alias:
        if node.asname is None or " " not in node.asname:
            return node
        name = self.name(node.asname)
        return ast.alias(node.name, None if name == node.name else name)

    def generic_visit(self, node: _Node) -> _Node:
        name = getattr(node, "name", None)
        if isinstance(name, str) and " " in name:
            node = node.__class__(**{**vars(node), "name": self.name(name)})
        return changed(node, self.visit)


def _with_imports_joined(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Imports first, those from one module in one statement."""
    imports: dict[str, ast.ImportFrom] = {}
    whole: list[ast.stmt] = []
    rest: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and statement.module in imports:
            names = [*imports[statement.module].names, *statement.names]
            imports[statement.module] = ast.ImportFrom(statement.module, names, 0)
        elif isinstance(statement, ast.ImportFrom):
            imports[statement.module or ""] = statement
        elif isinstance(statement, ast.Import):
            whole.append(statement)
        else:
            rest.append(statement)
    return [*whole, *imports.values(), *rest]


def compiles(text: str) -> bool:
    """Whether a call may stand as it is written."""
    try:
        compile(text, FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
