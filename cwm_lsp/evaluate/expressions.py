"""Expressions compiled to closures: each takes a frame and gives a value.

Where an expression spans several lines, its closures also move the frame's line the way CPython 3.11's instructions
do: every operand at its own line, then the operation at the line where its expression begins.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.folding import constant, has_stars, line_after, rejoins
from cwm_lsp.evaluate.formats import conversion
from cwm_lsp.evaluate.scopes import Scope, mangled
from cwm_lsp.evaluate.values import MISSING, GaveUp, Undetermined, Unknown, defines, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter


LARGE = 30
"""Operands on the stack beyond which CPython's compiler builds a display one by one (`STACK_USE_GUIDELINE`)."""

OUTER_CLASS = "__class__ of the method around"
"""In a class body that has a `__class__` of its own to give: the cell of the one that it reads."""


class Expressions:
    """Compiles the expressions of one scope."""

    marks: bool
    """Whether lines are to be followed inside of the expression being compiled."""

    def __init__(self, interpreter: Interpreter, scope: Scope) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.operations = interpreter.operations
        self.scope = scope
        self.marks = False
        self.dropped: ast.expr | None = None
        """The expression statement being compiled, whose value is not used."""
        self.replaced: dict[int, Run] = {}
        """Stand-ins for expressions whose value is already there, by the identity of the node."""

    def expr(self, node: ast.expr) -> Run:
        """Compile one expression."""
        if id(node) in self.replaced:
            return self.replaced[id(node)]
        folded = constant(node)
        if folded is not MISSING:
            return self.at(node.lineno, lambda frame: folded)
        method = getattr(self, type(node).__name__, None)
        if method is None:
            return self.unsupported(node)
        run: Run = method(node)
        return run

    def exprs(self, nodes: Sequence[ast.expr]) -> list[Run]:
        return [self.expr(node) for node in nodes]

    def unsupported(self, node: ast.AST) -> Run:
        what = type(node).__name__
        line = getattr(node, "lineno", 0)

        def run(frame: Frame) -> Any:
            raise GaveUp(f"line {line}: {what} is not interpreted")

        return run

    def at(self, line: int, run: Run) -> Run:
        """`run`, with its instruction on `line`."""
        if not self.marks:
            return run
        mark = self.runtime.line

        def marked(frame: Frame) -> Any:
            if frame.line != line:
                mark(frame, line)
            return run(frame)

        return marked

    def then_at(self, run: Run, line: int) -> Run:
        """`run`, and then on with instructions on `line`."""
        if not self.marks:
            return run
        mark = self.runtime.line

        def marked(frame: Frame) -> Any:
            value = run(frame)
            if frame.line != line:
                mark(frame, line)
            return value

        return marked

    def all_then_at(self, runs: list[Run], line: int) -> list[Run]:
        """`runs` in order, the last of which goes on on `line`."""
        if self.marks and runs:
            return [*runs[:-1], self.then_at(runs[-1], line)]
        return runs

    # names and constants

    def Name(self, node: ast.Name) -> Run:  # noqa: N802
        return self.at(node.lineno, self.load(node.id))

    def load(self, name: str) -> Run:
        """Read a variable."""
        name = mangled(name, self.scope.private)
        place = self.scope.place(name)
        if place == "local":

            def local(frame: Frame) -> Any:
                try:
                    return frame.vars[name]
                except KeyError:
                    raise UnboundLocalError(
                        f"cannot access local variable '{name}' where it is not associated with a value"
                    ) from None

            return local
        unbound = f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        if place == "cell" or (place == "free" and self.scope.kind != "class"):
            message = (
                f"cannot access local variable '{name}' where it is not associated with a value"
                if place == "cell"
                else unbound
            )
            error = UnboundLocalError if place == "cell" else NameError

            def shared(frame: Frame) -> Any:
                value = frame.cells[name].value
                if value is MISSING:
                    raise error(message)
                return value

            return shared
        find = self.interpreter.global_value
        if place == "global" or self.scope.kind not in ("class", "module"):
            return lambda frame: find(name)
        if place == "free":
            cell = OUTER_CLASS if name in self.scope.cells else name

            def class_free(frame: Frame) -> Any:
                if name in frame.vars:
                    return frame.vars[name]
                value = frame.cells[cell].value
                if value is MISSING:
                    raise NameError(unbound)
                return value

            return class_free

        def by_namespace(frame: Frame) -> Any:
            try:
                return frame.vars[name]
            except KeyError:
                return find(name)

        return by_namespace

    def Constant(self, node: ast.Constant) -> Run:  # noqa: N802
        value = node.value
        return self.at(node.lineno, lambda frame: value)

    # operators

    def BinOp(self, node: ast.BinOp) -> Run:  # noqa: N802
        left, right = self.expr(node.left), self.then_at(self.expr(node.right), node.lineno)
        apply = self.operations.binary(type(node.op).__name__)
        return lambda frame: apply(left(frame), right(frame))

    def UnaryOp(self, node: ast.UnaryOp) -> Run:  # noqa: N802
        if isinstance(node.op, ast.Not):
            test = self.then_at(self.expr(node.operand), node.lineno)
            truth = self.operations.truth

            def negate(frame: Frame) -> Any:
                value = test(frame)
                if value is True or value is False:
                    return not value
                value = truth(value)
                return value if type(value) is Unknown else not value

            return negate
        operand = self.then_at(self.expr(node.operand), node.lineno)
        apply = self.operations.unary(type(node.op).__name__)
        return lambda frame: apply(operand(frame))

    def BoolOp(self, node: ast.BoolOp) -> Run:  # noqa: N802
        *first, last = self.exprs(node.values)
        stop_on = isinstance(node.op, ast.Or)
        decide = self.decide((None, None))
        line = node.lineno
        firsts = [self.then_at(run, line) for run in first]

        def run(frame: Frame) -> Any:
            for item in firsts:
                value = item(frame)
                if (value if value is True or value is False else decide(value)) is stop_on:
                    return value
            return last(frame)

        return run

    def decide(self, lines: tuple[int | None, int | None]) -> Callable[[Any], bool]:
        """Truth as a branch: asks where it is not known."""
        truth, branch = self.operations.truth, self.runtime.branch

        def decided(value: Any) -> bool:
            if value is True or value is False:
                return bool(value)
            known = truth(value)
            if type(known) is Unknown:
                return branch(lines)
            return bool(known)

        return decided

    def condition(
        self, node: ast.expr, line: int, lines: tuple[int | None, int | None] = (None, None)
    ) -> Callable[[Frame], bool]:
        """An expression as the test of a branch at `line`, evaluated for its truth alone."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand, line, (lines[1], lines[0]))
            return lambda frame: not inner(frame)
        if isinstance(node, ast.BoolOp):
            tests = []
            for value in node.values:
                tests.append(self.condition(value, line))
                line = line_after(value, line)
            if isinstance(node.op, ast.And):

                def conjunction(frame: Frame) -> bool:
                    for test in tests:  # noqa: SIM110  a loop is faster than a generator
                        if not test(frame):
                            return False
                    return True

                return conjunction

            def disjunction(frame: Frame) -> bool:
                for test in tests:  # noqa: SIM110
                    if test(frame):
                        return True
                return False

            return disjunction
        if isinstance(node, ast.IfExp) and rejoins(node):
            return self.unsupported(node)  # whether a jump without line follows depends on what is tested
        if isinstance(node, ast.IfExp):
            first = self.condition(node.test, line)
            after = line_after(node.test, line)
            then, otherwise = (
                self.condition(node.body, after),
                self.condition(node.orelse, line_after(node.body, after)),
            )
            return lambda frame: then(frame) if first(frame) else otherwise(frame)
        value_of = self.then_at(self.expr(node), line_after(node, line))
        decide = self.decide(lines)

        def decided(frame: Frame) -> bool:
            value = value_of(frame)
            return value if value is True or value is False else decide(value)

        return decided

    def Compare(self, node: ast.Compare) -> Run:  # noqa: N802
        line = node.lineno
        left = self.expr(node.left)
        rights = [self.then_at(self.expr(item), line) for item in node.comparators]
        applies = [self.operations.compare(type(operator).__name__) for operator in node.ops]
        if len(rights) == 1:
            right, apply = rights[0], applies[0]
            return lambda frame: apply(left(frame), right(frame))
        pairs = list(zip(applies, rights, strict=True))
        decide = self.decide((None, None))

        def chain(frame: Frame) -> Any:
            value = left(frame)
            result: Any = True
            last = len(pairs) - 1
            for position, (apply, right) in enumerate(pairs):
                following = right(frame)
                result = apply(value, following)
                if position < last and not decide(result):
                    return result
                value = following
            return result

        return chain

    def IfExp(self, node: ast.IfExp) -> Run:  # noqa: N802
        test = self.condition(node.test, node.lineno)
        body, orelse = self.expr(node.body), self.expr(node.orelse)
        if rejoins(node) and node is not self.dropped:
            body = self.rejoining(body, node.lineno)
        return lambda frame: body(frame) if test(frame) else orelse(frame)

    def rejoining(self, run: Run, line: int) -> Run:
        """`run`, then a jump that has no line: what comes after counts as a new line even on the same one."""
        mark, marks = self.runtime.line, self.marks

        def rejoined(frame: Frame) -> Any:
            value = run(frame)
            if marks:
                frame.line = 0
            else:
                mark(frame, line)
            return value

        return rejoined

    def NamedExpr(self, node: ast.NamedExpr) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        store = self.store_name(node.target.id)

        def run(frame: Frame) -> Any:
            value = value_of(frame)
            store(frame, value)
            return value

        return run

    def store_name(self, name: str) -> Callable[[Frame, Any], None]:
        """Bind a variable."""
        name = mangled(name, self.scope.private)
        place = self.scope.place(name)
        runtime = self.runtime
        if place == "global":
            namespace = self.interpreter.namespace

            def into_globals(frame: Frame, value: Any) -> None:
                namespace[name] = value

            return into_globals
        if place in ("cell", "free"):

            def into_cell(frame: Frame, value: Any) -> None:
                frame.cells[name].value = value
                if runtime.tainted:
                    frame.values.pop(name, None)

            return into_cell

        def into_locals(frame: Frame, value: Any) -> None:
            frame.vars[name] = value
            if runtime.tainted:
                frame.values.pop(name, None)

        return into_locals

    # displays

    def elements(self, nodes: Sequence[ast.expr], line: int, *, lone: bool = False) -> Callable[[Frame], list[Any]]:
        """The elements of a display or the positional arguments of a call, stars unpacked.

        `lone`: a single starred argument is passed as it is, no list is built.
        """
        runs = [self.expr(node.value if isinstance(node, ast.Starred) else node) for node in nodes]
        large = len(nodes) > LARGE
        if not any(isinstance(node, ast.Starred) for node in nodes) and not (large and self.marks):
            runs = self.all_then_at(runs, line)
            return lambda frame: [run(frame) for run in runs]
        unpack, allow = self.unpack_lone if lone else self.operations.unpack, self.runtime.allow
        building = False
        for position, node in enumerate(nodes):
            if not building and not lone and (isinstance(node, ast.Starred) or large):
                runs[position] = self.at(line, runs[position])
                building = True
            if building:
                runs[position] = self.then_at(runs[position], line)
        parts = [(isinstance(node, ast.Starred), run) for node, run in zip(nodes, runs, strict=True)]

        def gather(frame: Frame) -> list[Any]:
            items: list[Any] = []
            for starred, run in parts:
                if starred:
                    more = unpack(run(frame))
                    allow(len(items) + len(more))
                    items.extend(more)
                else:
                    items.append(run(frame))
            return items

        return gather

    def unpack_lone(self, value: Any) -> list[Any]:
        """The elements of the only argument of a call, starred; the error for others names what is called."""
        kind: Any = type(value)
        if kind is not Unknown and not defines(kind, "__iter__") and not defines(kind, "__getitem__"):
            raise GaveUp("what follows * is not iterable")
        return self.operations.unpack(value)

    def undetermined_display(self, gather: Callable[[Frame], Any]) -> Run:
        runtime = self.runtime

        def run(frame: Frame) -> Any:
            try:
                return gather(frame)
            except Undetermined:
                return runtime.unknown()

        return run

    def List(self, node: ast.List) -> Run:  # noqa: N802
        if len(node.elts) > 2 and self.marks and all(constant(item) is not MISSING for item in node.elts):
            values = [constant(item) for item in node.elts]
            return self.at(node.lineno, lambda frame: list(values))
        gather = self.elements(node.elts, node.lineno)
        if not node.elts:
            return self.at(node.lineno, lambda frame: [])
        return self.undetermined_display(gather)

    def Tuple(self, node: ast.Tuple) -> Run:  # noqa: N802
        gather = self.elements(node.elts, node.lineno)
        if not any(isinstance(item, ast.Starred) for item in node.elts):
            return lambda frame: tuple(gather(frame))
        return self.undetermined_display(lambda frame: tuple(gather(frame)))

    def Set(self, node: ast.Set) -> Run:  # noqa: N802
        if len(node.elts) > 2 and all(constant(item) is not MISSING for item in node.elts):
            values = frozenset(constant(item) for item in node.elts)
            return self.at(node.lineno, lambda frame: set().union(values))  # the order of the elements is that of both
        if any(isinstance(item, ast.Starred) for item in node.elts):
            return self.unsupported(node) if self.marks else self.starred_set(node)
        gather = self.elements(node.elts, node.lineno)
        attempt, check = self.operations.attempt, self.operations.check_nesting

        def make(frame: Frame) -> Any:
            items = gather(frame)
            check(*items)
            return attempt(set, (items,))

        return self.undetermined_display(make)

    def starred_set(self, node: ast.Set) -> Run:
        """A set display with stars: elements and iterables are put in one after the other."""
        parts = [
            (isinstance(item, ast.Starred), self.expr(item.value if isinstance(item, ast.Starred) else item))
            for item in node.elts
        ]
        unpack, attempt = self.operations.unpack, self.operations.attempt

        def make(frame: Frame) -> Any:
            made: set[Any] = set()
            for starred, run in parts:
                value = run(frame)
                if starred and type(value) not in (set, frozenset):
                    value = unpack(value)
                attempt(made.update if starred else made.add, (value,), (made,))
            return made

        return self.undetermined_display(make)

    def Dict(self, node: ast.Dict) -> Run:  # noqa: N802
        if not node.keys:
            return self.at(node.lineno, lambda frame: {})
        line = node.lineno
        parts: list[tuple[Run | None, Run]] = []
        group: list[tuple[ast.expr, ast.expr]] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                group.append((key, value))
            if group and (key is None or len(group) > LARGE // 2 + 1):
                parts += self.pairs(group, line)
                group = []
            if key is None:
                value_of = self.then_at(self.expr(value), line)
                parts.append((None, value_of if parts else self.at(line, value_of)))
        parts += self.pairs(group, line)
        unpack_mapping, put = self.unpack_mapping, self.operations.set_item

        def gather(frame: Frame) -> Any:
            made: dict[Any, Any] = {}
            for key_of, value_of in parts:
                if key_of is None:
                    made.update(unpack_mapping(value_of(frame)))
                else:
                    key = key_of(frame)
                    put(made, key, value_of(frame))
            return made

        return self.undetermined_display(gather)

    def pairs(self, group: Sequence[tuple[ast.expr, ast.expr]], line: int) -> list[tuple[Run, Run]]:
        """Keys and values that the compiler puts into a dict at once, or one by one if there are many."""
        large = len(group) * 2 > LARGE
        marks = self.marks
        constants = len(group) > 1 and not large and all(constant(key) is not MISSING for key, _ in group)
        made = []
        for position, (key, value) in enumerate(group):
            self.marks = marks and not constants
            key_of = self.expr(key)
            self.marks = marks
            value_of = self.expr(value)
            if large or position + 1 == len(group):
                value_of = self.then_at(value_of, line)
            made.append((self.at(line, key_of) if large and not position else key_of, value_of))
        return made

    def unpack_mapping(self, value: Any) -> Any:
        self.runtime.touchable((value,))
        if type(value) is Unknown and value.value is not MISSING:
            value = value.value
        if is_a(value, dict):
            return value
        if not hasattr(value, "keys"):
            raise TypeError(f"'{type(value).__name__}' object is not a mapping")
        return dict(value)

    # access

    def Attribute(self, node: ast.Attribute) -> Run:  # noqa: N802
        value_of = self.then_at(self.expr(node.value), node.end_lineno or node.lineno)
        name = mangled(node.attr, self.scope.private)
        get = self.interpreter.attributes.get
        return lambda frame: get(value_of(frame), name)

    def Subscript(self, node: ast.Subscript) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        key_of = self.then_at(self.key(node.slice), node.lineno)
        subscript = self.operations.subscript
        return lambda frame: subscript(value_of(frame), key_of(frame))

    def key(self, node: ast.expr) -> Run:
        """The index of a subscript."""
        return self.expr(node)

    def Slice(self, node: ast.Slice) -> Run:  # noqa: N802
        runs = [None if part is None else self.expr(part) for part in (node.lower, node.upper, node.step)]

        def run(frame: Frame) -> Any:
            return slice(*[None if part is None else part(frame) for part in runs])

        return run

    def Starred(self, node: ast.Starred) -> Run:  # noqa: N802
        return self.expr(node.value)

    # text

    def JoinedStr(self, node: ast.JoinedStr) -> Run:  # noqa: N802
        runs = [self.expr(item) for item in node.values]
        runtime = self.runtime

        def run(frame: Frame) -> Any:
            parts = [item(frame) for item in runs]
            unknown = [part for part in parts if type(part) is Unknown]
            if unknown:  # texts are joined whatever they are
                return Unknown(askable=any(part.askable for part in unknown))
            text = "".join(parts)
            if len(text) > 1000:
                runtime.allow(len(text))
            return text

        return self.then_at(run, node.lineno) if len(runs) != 1 else run

    def FormattedValue(self, node: ast.FormattedValue) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        spec_of = self.expr(node.format_spec) if node.format_spec is not None else None
        convert = conversion(node.conversion)
        formats = self.interpreter.formats
        attempt = self.operations.attempt

        def run(frame: Frame) -> Any:
            value = value_of(frame)
            if spec_of is None and convert is None and type(value) is str:
                return value
            spec = spec_of(frame) if spec_of is not None else ""
            return attempt(formats.formatted, (value, spec, convert))

        return self.then_at(run, node.lineno)

    # calls and inner scopes

    def Call(self, node: ast.Call) -> Run:  # noqa: N802
        has_line = isinstance(node.func, ast.Attribute) and not has_stars(node)
        arguments = self.arguments(node, (node.func.end_lineno if has_line else None) or node.lineno)
        calls = self.interpreter.calls
        call = calls.call
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords:
            return self.super_call(node)
        if isinstance(node.func, ast.Attribute):
            line = node.lineno if has_stars(node) else node.func.end_lineno or node.lineno
            name = mangled(node.func.attr, self.scope.private)
            value_of = self.then_at(self.expr(node.func.value), node.func.end_lineno or node.lineno)
            method, get = calls.method, self.interpreter.attributes.get
            quick = calls.quick
            mark = self.runtime.line if self.marks else None

            def call_method(frame: Frame) -> Any:
                value = value_of(frame)
                table = quick.get(type(value))
                if table is not None and name in table:
                    args, kwargs = arguments(frame)
                    if mark is not None and frame.line != line:
                        mark(frame, line)
                    return method(value, name, table[name], args, kwargs)
                function = get(value, name)
                args, kwargs = arguments(frame)
                if mark is not None and frame.line != line:
                    mark(frame, line)
                return call(function, args, kwargs)

            return self.undetermined_display(call_method)
        function_of = self.expr(node.func)
        if not (node.args or node.keywords):
            function_of = self.then_at(function_of, node.lineno)

        def call_function(frame: Frame) -> Any:
            function = function_of(frame)
            args, kwargs = arguments(frame)
            return call(function, args, kwargs)

        return self.undetermined_display(call_function)

    def arguments(self, node: ast.Call, line: int) -> Callable[[Frame], tuple[list[Any], dict[str, Any]]]:
        """The arguments of a call at `line`, evaluated in order."""
        spread = has_stars(node)
        lone = len(node.args) == 1
        positional = self.elements(node.args, line, lone=lone) if spread or not node.keywords else None
        if positional is None:
            runs = self.exprs(node.args)
            positional = lambda frame: [run(frame) for run in runs]  # noqa: E731
        keywords: list[tuple[str | None, Run]] = []
        for item in node.keywords:
            run = self.expr(item.value)
            if item.arg is None:
                if keywords and keywords[-1][0] is not None:
                    keywords[-1] = (keywords[-1][0], self.then_at(keywords[-1][1], line))
                run = self.then_at(self.at(line, run), line)
            keywords.append((item.arg, run))
        if keywords:
            keywords[-1] = (keywords[-1][0], self.then_at(keywords[-1][1], line))
        elif spread:
            inner = positional
            positional = self.then_at(inner, line)
        if not keywords:
            return lambda frame: (positional(frame), {})
        unpack_mapping = self.unpack_mapping

        def gather(frame: Frame) -> tuple[list[Any], dict[str, Any]]:
            args = positional(frame)
            named: dict[str, Any] = {}
            for name, run in keywords:
                if name is None:
                    value = run(frame)
                    if not is_a(value, dict) and type(value) is not Unknown and not hasattr(value, "keys"):
                        raise GaveUp(f"line {line}: what follows ** is no mapping")
                    for key, item in unpack_mapping(value).items():
                        if not isinstance(key, str):
                            raise TypeError("keywords must be strings")
                        if key in named:
                            raise GaveUp(f"line {line}: a keyword is given twice")
                        named[key] = item
                else:
                    named[name] = run(frame)
            return args, named

        return gather

    def super_call(self, node: ast.Call) -> Run:
        """`super()` without arguments."""
        function_of = self.expr(node.func)
        scope = self.scope
        items = getattr(scope.node, "args", None)
        if scope.kind != "function" or not items or not items.posonlyargs + items.args or "__class__" not in scope.free:
            return self.unsupported(node)
        first = self.load(scope.parameters[0])

        def run(frame: Frame) -> Any:
            if function_of(frame) is not super:
                raise GaveUp("super is not the builtin here")
            return super(frame.cells["__class__"].value, first(frame))

        return run

    def Lambda(self, node: ast.Lambda) -> Run:  # noqa: N802
        return self.interpreter.function_maker(self, node)

    def comprehension(self, node: Any) -> Run:
        return self.interpreter.comprehension_maker(self, node)

    ListComp = SetComp = DictComp = GeneratorExp = comprehension

    def Yield(self, node: ast.Yield) -> Run:  # noqa: N802
        return self.unsupported(node)

    YieldFrom = Await = Yield
