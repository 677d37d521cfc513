"""Reads statements as they would be carried out, and collects the calls of some functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bind import as_target, dotted
from .lifting import Lift, Names
from .names import bound_by, bound_in, is_builtin
from .recovery import written
from .steps import Environment, Known, NotKnown, compiles
from .trees import walk

if TYPE_CHECKING:
    from .home import Home

ROWS = 20
"""Rounds of a loop over literals that are looked at, and rows of a parametrised test."""
MOST = 200
"""Calls taken from one place."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_COMPOUND = ast.For | ast.While | ast.If | ast.Try | ast.With
_EXPECTED = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assert_raises", "deprecated_call"})
"""What is done within them ends early."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call, in the namespace of the function's own file."""

    expression: str
    line: int
    of_result: bool = False
    """It calls what a call of the function returns: `f(1)(2)`. Only functions inside the function have such calls."""


class Reader(Names):
    """Reads statements in order and collects the calls of some functions."""

    def __init__(
        self,
        home: Home,
        keeps: Callable[[str], bool],
        *,
        module_level: bool = False,
        importable: Callable[[str], bool] = lambda module: False,
    ) -> None:
        """`keeps`: whether a name that is not local means the same in the functions' file. `module_level`: whether
        names that are bound here are the file's own globals."""
        super().__init__(home.keeps, keeps, importable)
        self.home = home
        self.module_level = module_level
        self.offset = 0
        """What to add to a node's line."""
        self.within: str | None = None
        """The function whose body is read: it is not called in it."""
        self.found: dict[int, dict[str, Found]] = {}
        """Which function → its calls, each once."""
        self.wanted: dict[str, list[int]] = {}
        """The last words of callees that may be functions → which."""
        self.objects: list[int] = []
        """Functions that are called without their names: objects are, through `__call__`."""
        for index, function in enumerate(home.functions):
            self.wanted.setdefault(function.name, []).append(index)
            if function.name in ("__init__", "__new__") and function.parent:
                self.wanted.setdefault(function.parent.split(".")[-1], []).append(index)
            if function.name == "__call__":
                self.objects.append(index)

    @property
    def by_function(self) -> Sequence[Sequence[Found]]:
        """The calls of each function."""
        return [list(self.found.get(at, {}).values()) for at in range(len(self.home.functions))]

    def imports(self, body: Sequence[ast.Import | ast.ImportFrom], path: str = "", place: str = "") -> None:
        """Take in what import statements bind (see `Names`): functions may have other names here."""
        super().imports(body, path, place)
        for local, name in self.renamed.items():
            if local != name and name in self.wanted:
                known = self.wanted.get(local, [])
                self.wanted[local] = [*known, *(index for index in self.wanted[name] if index not in known)]

    # statements

    def statements(self, body: Sequence[ast.stmt], environment: Environment) -> None:
        for node in body:
            self.statement(node, environment)

    def statement(self, node: ast.stmt, environment: Environment) -> None:
        if isinstance(node, Definition | ast.ClassDef):
            self.define(node, environment)
            return
        expressions = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        expressions += [item.context_expr for item in getattr(node, "items", ())]
        for expression in expressions:
            self.calls(expression, environment)
        match node:
            case ast.Assign(targets=targets, value=value):
                self.assign(targets, value, environment)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self.assign([target], value, environment)
            case ast.AugAssign() | ast.Delete():
                self.carry_out(node, environment)
            case ast.For() | ast.While() | ast.If() | ast.Try() | ast.With():
                self.compound(node, environment)
            case ast.AsyncFor() | ast.AsyncWith() | ast.Match():
                self.blocks(node, environment)
                self.forget_in(node, environment)
            case _:
                for expression in expressions:
                    self.effects(expression, environment)

    def compound(self, node: ast.For | ast.While | ast.If | ast.Try | ast.With, environment: Environment) -> None:
        """Look into the parts of a statement, and take it as a whole for what comes after it."""
        inner = environment.copy()
        rows = self.rows_of(node.iter, environment)[:ROWS] if isinstance(node, ast.For) else []
        for row in rows:
            assert isinstance(node, ast.For)
            self.assign([node.target], row, inner)
            self.statements(node.body, inner)
        if not rows:
            if isinstance(node, ast.For):
                self.forget_in(node.target, inner)
            for item in getattr(node, "items", ()):
                if item.optional_vars is not None:
                    self.assign([item.optional_vars], entered(item.context_expr), inner)
            self.blocks(node, inner)
        if isinstance(node, ast.With) and any(_is_expected(item.context_expr) for item in node.items):
            return
        self.carry_out(node, environment)

    def blocks(self, node: ast.stmt, environment: Environment) -> None:
        """Read the blocks of a statement, one after the other."""
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            for inner in getattr(node, name, ()):
                if isinstance(inner, ast.ExceptHandler | ast.match_case):
                    self.statements(inner.body, environment)
                else:
                    self.statement(inner, environment)

    def rows_of(self, iterated: ast.expr, environment: Environment) -> Sequence[ast.expr]:
        """What a loop over literals goes through."""
        match iterated:
            case ast.List(elts=rows) | ast.Tuple(elts=rows):
                return rows
            case ast.Name(id=name):
                known = environment.get(name)
                if known is not None and isinstance(known.written, ast.List | ast.Tuple):
                    return known.written.elts
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="items"), args=[]):
                known = environment.get(name)
                match known and known.written:
                    case ast.Dict(keys=keys, values=values):
                        pairs = zip(keys, values, strict=True)
                        return [ast.Tuple([key, value], ast.Load()) for key, value in pairs if key is not None]
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner]):
                inside = self.rows_of(inner, environment)[:ROWS]
                return [ast.Tuple([ast.Constant(at), row], ast.Load()) for at, row in enumerate(inside)]
        return []

    def define(self, node: Definition | ast.ClassDef, environment: Environment) -> None:
        """Take in a function or class that is defined here."""
        if self.module_level:
            self.forget(node.name, environment)
            return
        variable = environment.steps.variable(node.name)
        try:
            environment.steps.add(self.definition(node, variable, environment), [variable])
        except NotKnown:
            self.forget(node.name, environment)

    # what statements do

    def assign(self, targets: Sequence[ast.expr], value: ast.expr, environment: Environment) -> None:
        simple = len(targets) == 1 and dotted(targets[0]) is not None
        if len(targets) == 1 and isinstance(targets[0], ast.Tuple | ast.List):
            elements = targets[0].elts
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(elements):
                known = [self.known(element, environment) for element in value.elts]
                if not any(isinstance(element, ast.Starred) for element in [*elements, *value.elts]):
                    for element, one in zip(elements, known, strict=True):
                        self.bind(element, one, environment)
                    return
        if self.module_level:
            for target in targets:
                self.bind(target, self.known(value, environment), environment)
            return
        touched = self.touched(ast.Assign(list(targets), value), environment)
        if simple and not touched and not self.sets_part(targets[0], environment):
            if isinstance(value, ast.Name | ast.Attribute) and (name := dotted(value)) in environment:
                self.make(name or "", environment)
            one = self.known(value, environment)
            if one is None or isinstance(one.expression, ast.Name) or environment.steps.is_constant(one.expression):
                self.bind(targets[0], one, environment)
                return
        self.carry_out(ast.Assign(list(targets), value), environment, touched)

    def sets_part(self, target: ast.expr, environment: Environment) -> bool:
        """Whether an assignment changes an object that is known."""
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
            if dotted(target) in environment:
                return True
        return False

    def carry_out(self, statement: ast.stmt, environment: Environment, touched: Sequence[str] | None = None) -> None:
        """Take in a statement that makes or changes objects; what it binds or changes is not known where it cannot be
        lifted."""
        if self.module_level:
            self.forget_in(statement, environment)
            return
        bound = self.bound_by(statement, environment)
        if touched is None:
            touched = self.touched(statement, environment)
        try:
            if isinstance(statement, ast.Assign):
                lifted: ast.stmt = self.assignment(statement, touched, environment)
            else:
                if not (touched or bound):
                    return
                read = {part.id for part in walk(statement) if isinstance(part, ast.Name) and _is_read(part)}
                for name in bound:
                    if environment.get(name) is not None:
                        self.make(name, environment, always=True)
                    elif name in environment and name in read:
                        raise NotKnown
                    else:
                        variable = environment.steps.variable(name)
                        environment[name] = Known(ast.Name(variable, ast.Load()), 1)
                self.make_all(statement, touched, environment)
                lifted = Lift(self, environment).lifted_statement(statement)
        except NotKnown:
            for name in [*bound, *touched]:
                environment[name] = None
            return
        names = [known.expression.id for name in [*bound, *touched] if (known := environment.get(name)) is not None
                 and isinstance(known.expression, ast.Name)]  # fmt: skip
        environment.steps.add(lifted, dict.fromkeys(name for name in names if " " in name))

    def assignment(self, node: ast.Assign, touched: Sequence[str], environment: Environment) -> ast.stmt:
        """An assignment, lifted, its names bound. Raises `NotKnown`."""
        self.make_all(node, touched, environment)
        value = Lift(self, environment).lifted(node.value)
        parts: list[ast.expr] = []
        for target in node.targets:
            for name in self.bound_by(target, environment):
                environment[name] = Known(ast.Name(environment.steps.variable(name), ast.Load()), 1)
            known = environment.get(dotted(target) or "")
            if known is not None and isinstance(known.expression, ast.Name):
                parts.append(ast.Name(known.expression.id, ast.Store()))
            else:
                parts.append(Lift(self, environment).lifted_target(target))
        return ast.Assign(parts, value, lineno=0)

    def bound_by(self, node: ast.AST, environment: Environment) -> list[str]:
        """The names that a statement or target binds: also `self.cart`, where `self` is no object that is known."""
        name = dotted(node) if isinstance(node, ast.Attribute) else None
        if name is not None and isinstance(node, ast.expr):
            return [] if self.sets_part(node, environment) else [name]
        if isinstance(node, ast.Assign):
            return [name for target in node.targets for name in self.bound_by(target, environment)]
        if isinstance(node, ast.Tuple | ast.List):
            return [name for element in node.elts for name in self.bound_by(element, environment)]
        return _names_stored(node)

    def make(self, name: str, environment: Environment, *, always: bool = False) -> None:
        """Have a name stand for an object that is made once; for a constant only if it is `always` to be a variable."""
        known = environment.get(name)
        if known is None or (isinstance(known.expression, ast.Name) and " " in known.expression.id):
            return
        if not always and isinstance(known.expression, ast.Name | ast.Constant):
            return
        variable = environment.steps.variable(name)
        made = ast.Assign([ast.Name(variable, ast.Store())], known.expression, lineno=0)
        environment.steps.add(made, [variable])
        environment[name] = Known(ast.Name(variable, ast.Load()), 1)

    def make_all(self, node: ast.AST, touched: Sequence[str], environment: Environment) -> None:
        """Have the objects that a node mentions made, so that it is one object wherever it is mentioned."""
        for one in touched:
            self.make(one, environment)
        for part in walk(node):
            if isinstance(part, ast.Name | ast.Attribute) and (name := dotted(part)) is not None:
                known = environment.get(name)
                if known is not None and any(isinstance(inner, ast.Call) for inner in walk(known.expression)):
                    self.make(name, environment)

    def touched(self, node: ast.AST, environment: Environment) -> list[str]:
        """The names of objects that a node may change: methods of theirs are called, parts of them are set, they are
        passed in a statement that does nothing else."""
        found: dict[str, None] = {}

        def note(expression: ast.expr) -> None:
            name: str | None = None
            while isinstance(expression, ast.Attribute | ast.Subscript | ast.Call):
                name = dotted(expression)
                if name is not None and environment.get(name) is not None:
                    break
                expression = expression.func if isinstance(expression, ast.Call) else expression.value
            else:
                name = dotted(expression)
            known = environment.get(name) if name is not None else None
            if name is not None and known is not None and not isinstance(known.expression, ast.Constant):
                found[name] = None

        for part in walk(node):
            match part:
                case ast.Call(func=ast.Attribute(value=receiver)):
                    note(receiver)
                case ast.Attribute(ctx=ast.Store() | ast.Del(), value=holder):
                    note(holder)
                case ast.Subscript(ctx=ast.Store() | ast.Del(), value=holder):
                    note(holder)
                case ast.AugAssign(target=ast.Attribute() as target):
                    note(target.value)
                case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=arguments)) if not is_builtin(name):
                    for argument in arguments:
                        if isinstance(argument, ast.Name | ast.Attribute):
                            note(argument)
        return list(found)

    def effects(self, expression: ast.expr, environment: Environment) -> None:
        """Take in what an expression changes: the largest calls in it that can be lifted are carried out."""
        if self.module_level:
            for name in self.touched(ast.Expr(expression), environment):
                self.forget(name, environment)
            return
        statement = ast.Expr(expression)
        touched = self.touched(statement, environment)
        if not touched:
            return
        if isinstance(expression, ast.Call) and self.known(expression, environment) is not None:
            self.carry_out(statement, environment, touched)
            return
        inner = [child for child in ast.iter_child_nodes(expression) if isinstance(child, ast.expr | ast.keyword)]
        for child in inner:
            self.effects(child.value if isinstance(child, ast.keyword) else child, environment)
        if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
            receiver = dotted(expression.func.value)
            if receiver is not None and receiver in touched:
                environment[receiver] = None

    def bind(self, target: ast.expr, known: Known | None, environment: Environment) -> None:
        name = dotted(target)
        if name is None:
            self.forget_in(target, environment)
        elif known is None:
            self.forget(name, environment)
        else:
            environment[name] = known

    def forget(self, name: str, environment: Environment) -> None:
        if self.module_level:
            environment.pop(name, None)
        else:
            environment[name] = None

    def forget_in(self, node: ast.AST, environment: Environment) -> None:
        """Forget what a node binds or changes."""
        for name in [*self.bound_by(node, environment), *self.touched(node, environment)]:
            self.forget(name, environment)

    def known(self, expression: ast.expr, environment: Environment) -> Known | None:
        try:
            lift = Lift(self, environment)
            return Known(lift.lifted(expression), lift.size, expression)
        except NotKnown:
            return None

    # calls

    def calls(self, expression: ast.expr, environment: Environment) -> None:
        nodes = walk(expression)
        bound: frozenset[str] | None = None
        for node in nodes:
            if not isinstance(node, (ast.Call, ast.Attribute)):
                continue
            callee = _made_by(node)
            callee = callee.func if isinstance(callee, ast.Call) else callee
            name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", None)
            if name not in self.wanted and not self.objects:
                continue
            wanted = dict.fromkeys([*self.wanted.get(name or "", ()), *self.objects])
            others = (at for at in wanted if self.home.functions[at].name != self.within)
            open_ = [at for at in others if len(self.found.get(at, ())) < MOST]
            if open_:
                bound = bound_by(nodes) if bound is None else bound
                self.calls_of(open_, node, bound - bound_in(node) if bound else bound, environment)

    def calls_of(
        self, wanted: list[int], node: ast.Call | ast.Attribute, bound: frozenset[str], environment: Environment
    ) -> None:
        """Note which of some functions a node of an expression calls; `bound`: the names that are not what they are
        around the expression."""
        try:
            lifted = Lift(self, environment, bound).lifted(node)
        except NotKnown:
            return
        classes = frozenset(name for name, _ in self.home.classes)
        text: str | None = None
        for at in wanted:
            function = self.home.functions[at]
            target = as_target(lifted, function, classes) or as_target(_made_by(lifted), function, classes)
            if target and (target.direct or self.is_instance(target.node, self.home.family(function), environment)):
                text = text or self.text_of(lifted, environment)
                if text is None:
                    return
                found = Found(text, node.lineno + self.offset, of_result=target.node is not lifted)
                self.found.setdefault(at, {}).setdefault(text, found)

    def text_of(self, lifted: ast.expr, environment: Environment) -> str | None:
        """A call with all that prepares it; None where that cannot be written."""
        try:
            prepared = environment.steps.prepared(lifted, self.home.takes)
            if not prepared.before:
                return written(prepared.expression)
            text = prepared.text
        except (NotKnown, RecursionError, ValueError):
            return None
        return text if compiles(text) else None

    def is_instance(self, node: ast.Call | ast.Attribute, family: frozenset[str], environment: Environment) -> bool:
        """Whether the receiver of a call is a class itself or starts with a call of it: `Stack([1]).push(2)`."""
        callee: ast.expr = node.func if isinstance(node, ast.Call) else node
        for _ in range(100):
            name = dotted(callee)
            if name is not None:
                made = environment.steps.made_by(name.partition(".")[0])
                if made is None:
                    return any(name == one or name.startswith(f"{one}.") for one in family)
                callee = made
            elif isinstance(callee, ast.Call):
                callee = callee.func
            elif isinstance(callee, ast.Attribute):
                callee = callee.value
            else:
                return False
        return False


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _made_by(node: ast.expr) -> ast.expr:
    """The call whose result is called: `f(1)` of `f(1)(2)(3)`; else the node itself."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
        node = node.func
    return node


def _names_stored(node: ast.AST) -> list[str]:
    """The plain names that a statement binds, those of comprehensions and functions in it left out."""
    stack, names = [node], []
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
            names.append(part.id)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            names.append(part.name)
        if not isinstance(part, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            stack += reversed(list(ast.iter_child_nodes(part)))
    return list(dict.fromkeys(names))


def entered(manager: ast.expr) -> ast.expr:
    """What a `with` statement gives its target."""
    match manager:
        case ast.Call(func=ast.Name(id="open")):
            return manager
    return ast.Call(ast.Attribute(manager, "__enter__", ast.Load()), [], [])


def _is_expected(expression: ast.expr) -> bool:
    """Whether a context manager is there for an exception to be raised in it."""
    callee = expression.func if isinstance(expression, ast.Call) else expression
    return (dotted(callee) or "").rpartition(".")[2] in _EXPECTED
