"""Expressions compiled to closures: each takes a frame and gives a value.

Where the instructions of a statement are on several lines, its closures also say which instruction they come to
(`layout.positions`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.formats import conversion
from cwm_lsp.evaluate.layout.emitter import GUIDELINE
from cwm_lsp.evaluate.layout.positions import Mark, Positions, no_branch, nothing
from cwm_lsp.evaluate.scopes import Scope, mangled
from cwm_lsp.evaluate.telling import ATOMIC
from cwm_lsp.evaluate.values import MISSING, GaveUp, Undetermined, Unknown, defines, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.compiling import Module


OUTER_CLASS = "__class__ of the method around"
"""In a class body that has a `__class__` of its own to give: the cell of the one that it reads."""


class Expressions:
    """Compiles the expressions of one scope."""

    marks: bool
    """Whether the instructions of the statement being compiled are on several lines."""

    def __init__(self, interpreter: Module, scope: Scope, positions: Positions | None = None) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.operations = interpreter.operations
        self.scope = scope
        self.positions = positions
        """None for code that is not traced."""
        self.marks = False
        self.replaced: dict[int, Run] = {}
        """Stand-ins for expressions whose value is already there, by the identity of the node."""

    def expr(self, node: ast.expr) -> Run:
        """Compile one expression."""
        if id(node) in self.replaced:
            return self.replaced[id(node)]
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

    def mark(self, node: ast.AST, part: str = "") -> Mark:
        """What moves a frame to an instruction of `node`, with the line events on the way."""
        if self.positions is not None:
            return self.positions.mark(node, part)
        return self.place(node.lineno) if part != "return" and isinstance(node, ast.stmt) else nothing

    def place(self, line: int) -> Mark:
        """What notes where a frame is whose steps are not followed: of the library's, nobody asks."""
        if self.interpreter.of_library:
            return nothing

        def note(frame: Frame) -> None:
            frame.line = line

        return note

    def within(self, node: ast.AST, part: str = "") -> Mark:
        """The same, where it matters within a statement: if its instructions are on several lines."""
        return self.mark(node, part) if self.marks else nothing

    def before(self, run: Run, node: ast.AST, part: str = "") -> Run:
        """`run`, once the frame is at an instruction of `node`."""
        mark = self.within(node, part)
        if mark is nothing:
            return run

        def marked(frame: Frame) -> Any:
            mark(frame)
            return run(frame)

        return marked

    def after(self, run: Run, node: ast.AST, part: str = "") -> Run:
        """`run`, after which the frame is at an instruction of `node`."""
        mark = self.within(node, part)
        if mark is nothing:
            return run

        def marked(frame: Frame) -> Any:
            value = run(frame)
            mark(frame)
            return value

        return marked

    def all_after(self, runs: list[Run], node: ast.AST, part: str = "") -> list[Run]:
        """`runs` in order, after the last of which the frame is at an instruction of `node`."""
        return [*runs[:-1], self.after(runs[-1], node, part)] if runs else []

    # names and constants

    def Name(self, node: ast.Name) -> Run:  # noqa: N802
        return self.before(self.load(node.id), node)

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
        return lambda frame: value

    # operators

    def BinOp(self, node: ast.BinOp) -> Run:  # noqa: N802
        left, right = self.expr(node.left), self.after(self.expr(node.right), node)
        apply = self.operations.binary(type(node.op).__name__)
        return lambda frame: apply(left(frame), right(frame))

    def UnaryOp(self, node: ast.UnaryOp) -> Run:  # noqa: N802
        if isinstance(node.op, ast.Not):
            test = self.after(self.expr(node.operand), node)
            truth = self.operations.truth

            def negate(frame: Frame) -> Any:
                value = test(frame)
                if value is True or value is False:
                    return not value
                value = truth(value)
                return value if type(value) is Unknown else not value

            return negate
        operand = self.after(self.expr(node.operand), node)
        apply = self.operations.unary(type(node.op).__name__)
        return lambda frame: apply(operand(frame))

    def BoolOp(self, node: ast.BoolOp) -> Run:  # noqa: N802
        if any(isinstance(value, ast.BoolOp) for value in node.values):
            short = self.short_circuit(node)
            return lambda frame: short(frame)[0]
        *first, last = node.values
        tests = [(self.expr(value), self.joint(value)) for value in first]
        otherwise = self.expr(last)
        stop_on = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> Any:
            for item, decide in tests:
                value = item(frame)
                if decide(frame, value) is stop_on:
                    return value
            return otherwise(frame)

        return run

    def short_circuit(self, node: ast.BoolOp) -> Callable[[Frame], tuple[Any, bool | None]]:
        """The value of an `and` or `or`, and its truth where that was decisive: it is not asked for once more."""

        def part(value: ast.expr) -> Callable[[Frame], tuple[Any, bool | None]]:
            if isinstance(value, ast.BoolOp) and value.lineno == node.lineno and id(value) not in self.replaced:
                return self.short_circuit(value)
            value_of = self.expr(value)
            return lambda frame: (value_of(frame), None)

        *first, last = node.values
        tests = [(part(value), self.joint(value)) for value in first]
        otherwise = part(last)
        stop_on = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> tuple[Any, bool | None]:
            for item, decide in tests:
                value, known = item(frame)
                if decide(frame, value if known is None else known) is stop_on:
                    return value, stop_on
            return otherwise(frame)

        return run

    def decide(
        self, lines: tuple[int | None, int | None], node: ast.AST, part: str = "test"
    ) -> Callable[[Frame, Any], bool]:
        """The truth of a value as a branch: asks where it is not known, and moves the frame over the branch."""
        truth, branch = self.operations.truth, self.runtime.branch
        take = self.positions.decide(node, part) if self.positions is not None else no_branch

        def decided(value: Any) -> bool:
            if value is True or value is False:
                return bool(value)
            known = truth(value)
            if type(known) is Unknown:
                return branch(lines)
            return bool(known)

        if take is no_branch:
            return lambda frame, value: decided(value)

        reach = self.mark(node, part)

        def taken(frame: Frame, value: Any) -> bool:
            if value is not True and value is not False:
                reach(frame)
            outcome = decided(value)
            take(frame, outcome)
            return outcome

        return taken

    def joint(self, node: ast.AST, part: str = "test") -> Callable[[Frame, Any], bool]:
        """The truth of a value as a branch within an expression, which is left in the same way whatever it is."""
        positions, self.positions = self.positions, self.positions if self.marks else None
        decided = self.decide((None, None), node, part)
        self.positions = positions
        return decided

    def condition(self, node: ast.expr, lines: tuple[int | None, int | None] = (None, None)) -> Callable[[Frame], bool]:
        """An expression as the test of a branch, evaluated for its truth alone."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand, (lines[1], lines[0]))
            return lambda frame: not inner(frame)
        if isinstance(node, ast.BoolOp):
            tests = [self.condition(value) for value in node.values]
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
        if isinstance(node, ast.IfExp):
            first, then, otherwise = (self.condition(part) for part in (node.test, node.body, node.orelse))
            return lambda frame: then(frame) if first(frame) else otherwise(frame)
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            return self.chain_condition(node)
        value_of, decide = self.expr(node), self.decide(lines, node)
        return lambda frame: decide(frame, value_of(frame))

    def Compare(self, node: ast.Compare) -> Run:  # noqa: N802
        left = self.expr(node.left)
        pairs = self.comparisons(node)
        if len(pairs) == 1:
            apply, right = pairs[0]
            return lambda frame: apply(left(frame), right(frame))
        links = [self.joint(node, f"test{position}") for position in range(len(pairs) - 1)]
        first = list(zip(pairs[:-1], links, strict=True))
        apply_last, last = pairs[-1]

        def chain(frame: Frame) -> Any:
            value = left(frame)
            for (apply, right), decide in first:
                following = right(frame)
                result = apply(value, following)
                if not decide(frame, result):
                    return result
                value = following
            return apply_last(value, last(frame))

        return chain

    def comparisons(self, node: ast.Compare) -> list[tuple[Callable[[Any, Any], Any], Run]]:
        """The operators of a comparison, each with its right operand."""
        return [
            (
                self.compare(type(operator).__name__, item),
                self.after(self.expr(item), node, str(position)),
            )
            for position, (operator, item) in enumerate(zip(node.ops, node.comparators, strict=True))
        ]

    def compare(self, operator: str, node: ast.expr) -> Callable[[Any, Any], Any]:
        """The comparison with the value of `node`."""
        apply, observed = self.operations.compare(operator), self.runtime.observed
        if observed is None or self.positions is None or self.interpreter.path is not None:
            return apply
        return observed.watching(self.runtime, (node.lineno, node.col_offset), operator, apply)

    def chain_condition(self, node: ast.Compare) -> Callable[[Frame], bool]:
        """A chain of comparisons as a test: each link is a branch."""
        left = self.expr(node.left)
        pairs = self.comparisons(node)
        parts = [f"test{position}" for position in range(len(pairs) - 1)] + ["test"]
        links = [
            (apply, right, self.decide((None, None), node, part))
            for (apply, right), part in zip(pairs, parts, strict=True)
        ]

        def holds(frame: Frame) -> bool:
            value = left(frame)
            for apply, right, decide in links:
                following = right(frame)
                if not decide(frame, apply(value, following)):
                    return False
                value = following
            return True

        return holds

    def IfExp(self, node: ast.IfExp) -> Run:  # noqa: N802
        test = self.condition(node.test)
        body, orelse = self.expr(node.body), self.expr(node.orelse)
        return lambda frame: body(frame) if test(frame) else orelse(frame)

    def NamedExpr(self, node: ast.NamedExpr) -> Run:  # noqa: N802
        value_of = self.after(self.expr(node.value), node.target)
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
                runtime.acts += 1
                if runtime.tainted:
                    frame.values.pop(name, None)

            return into_cell

        def into_locals(frame: Frame, value: Any) -> None:
            frame.vars[name] = value
            frame.bound.add(name)
            if type(value) not in ATOMIC:
                runtime.acts += 1
            if runtime.tainted:
                frame.values.pop(name, None)

        return into_locals

    # displays

    def elements(self, nodes: Sequence[ast.expr], *, lone: bool = False) -> Callable[[Frame], list[Any]]:
        """The elements of a display or the positional arguments of a call, stars unpacked.

        `lone`: a single starred argument is passed as it is, no list is built.
        """
        if not any(isinstance(node, ast.Starred) for node in nodes):
            runs = self.exprs(nodes)
            return lambda frame: [run(frame) for run in runs]
        unpack, allow = self.unpack_lone if lone else self.operations.unpack, self.runtime.allow
        parts = [
            (True, self.after(self.expr(node.value), node, "add"))
            if isinstance(node, ast.Starred)
            else (False, self.expr(node))
            for node in nodes
        ]

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
        return self.undetermined_display(self.elements(node.elts))

    def Tuple(self, node: ast.Tuple) -> Run:  # noqa: N802
        gather = self.elements(node.elts)
        if not any(isinstance(item, ast.Starred) for item in node.elts):
            return lambda frame: tuple(gather(frame))
        return self.undetermined_display(lambda frame: tuple(gather(frame)))

    def Set(self, node: ast.Set) -> Run:  # noqa: N802
        if len(node.elts) > 2 and all(isinstance(item, ast.Constant) for item in node.elts):
            values = frozenset(item.value for item in node.elts if isinstance(item, ast.Constant))
            return lambda frame: set().union(values)  # the order of the elements is that of both
        if len(node.elts) > GUIDELINE or any(isinstance(item, ast.Starred) for item in node.elts):
            return self.set_one_by_one(node)
        gather, mark = self.elements(node.elts), self.within(node)
        attempt, check = self.operations.attempt, self.operations.check_nesting

        def make(frame: Frame) -> Any:
            items = gather(frame)
            mark(frame)
            check(*items)
            return attempt(set, (items,))

        return self.undetermined_display(make)

    def set_one_by_one(self, node: ast.Set) -> Run:
        """A set display with stars or many elements: they are put in one after the other, the first ones at once."""
        first = next((i for i, item in enumerate(node.elts) if isinstance(item, ast.Starred)), 0)
        first = 0 if len(node.elts) > GUIDELINE else first
        at_once = self.exprs(node.elts[:first])
        build = self.within(node, "build")
        parts = [
            (
                isinstance(item, ast.Starred),
                self.after(self.expr(item.value if isinstance(item, ast.Starred) else item), item, "add"),
            )
            for item in node.elts[first:]
        ]
        attempt, check, unpack = self.operations.attempt, self.operations.check_nesting, self.operations.unpack

        def make(frame: Frame) -> Any:
            items = [run(frame) for run in at_once]
            build(frame)
            check(*items)
            made: Any = attempt(set, (items,))
            for starred, run in parts:
                value = run(frame)
                if starred and type(value) not in (set, frozenset):
                    value = unpack(value, "'{}' object is not iterable")
                attempt(made.update if starred else made.add, (value,), (made,))
            return made

        return self.undetermined_display(make)

    def Dict(self, node: ast.Dict) -> Run:  # noqa: N802
        parts: list[tuple[list[tuple[Run, Run]], Mark, Run | None]] = []
        """Pairs that are put in at once, or what a mapping is taken from."""
        begin = 0
        for position, key in enumerate(node.keys):
            if key is None:
                parts += self.pairs(node, begin, position)
                begin = position + 1
                value = node.values[position]
                parts.append(([], nothing, self.after(self.expr(value), value, "update")))
            elif (position - begin) * 2 > GUIDELINE:
                parts += self.pairs(node, begin, position + 1)
                begin = position + 1
        parts += self.pairs(node, begin, len(node.keys))
        unpack_mapping, put = self.unpack_mapping, self.operations.set_item

        def gather(frame: Frame) -> Any:
            made: dict[Any, Any] = {}
            for group, mark, mapping_of in parts:
                if mapping_of is not None:
                    made.update(unpack_mapping(mapping_of(frame)))
                    continue
                pairs = [(key_of(frame), value_of(frame)) for key_of, value_of in group]
                mark(frame)
                for key, value in pairs:
                    put(made, key, value)
            return made

        return self.undetermined_display(gather)

    def pairs(self, node: ast.Dict, begin: int, end: int) -> list[tuple[list[tuple[Run, Run]], Mark, Run | None]]:
        """Keys and values that the compiler puts into a dict at once, or one by one if there are many."""
        made = [
            (self.expr(key), self.expr(value))
            for key, value in zip(node.keys[begin:end], node.values[begin:end], strict=True)
            if key is not None
        ]
        if len(made) * 2 <= GUIDELINE:
            mark = self.within(node, f"build{begin}")
            return [(made, mark, None)] if made else []
        return [
            ([pair], self.within(value, "add"), None) for pair, value in zip(made, node.values[begin:end], strict=True)
        ]

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
        value_of = self.after(self.expr(node.value), node)
        name = mangled(node.attr, self.scope.private)
        get = self.interpreter.attributes.get
        return lambda frame: get(value_of(frame), name)

    def Subscript(self, node: ast.Subscript) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        key_of = self.after(self.key(node.slice), node)
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

        return run

    def FormattedValue(self, node: ast.FormattedValue) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        spec_of = self.expr(node.format_spec) if node.format_spec is not None else None
        convert = conversion(node.conversion)
        formats = self.interpreter.formats
        attempt = self.operations.attempt
        mark = self.within(node)

        def run(frame: Frame) -> Any:
            value = value_of(frame)
            spec = spec_of(frame) if spec_of is not None else ""
            mark(frame)
            if not spec and convert is None and type(value) is str:
                return value
            return attempt(formats.formatted, (value, spec, convert))

        return run

    # calls and inner scopes

    def Call(self, node: ast.Call) -> Run:  # noqa: N802
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords:
            return self.super_call(node)
        if isinstance(node.func, ast.Attribute):
            return self.method_call(node, node.func)
        function_of = self.expr(node.func)
        arguments = self.arguments(node.args, node.keywords)
        call, mark = self.interpreter.calls.call, self.within(node)

        def call_function(frame: Frame) -> Any:
            function = function_of(frame)
            args, kwargs = arguments(frame)
            mark(frame)
            return call(function, args, kwargs)

        return self.undetermined_display(call_function)

    def method_call(self, node: ast.Call, function: ast.Attribute) -> Run:
        calls = self.interpreter.calls
        name = mangled(function.attr, self.scope.private)
        value_of = self.after(self.expr(function.value), function)
        arguments = self.arguments(node.args, node.keywords)
        call, method, quick, get = calls.call, calls.method, calls.quick, self.interpreter.attributes.get
        mark = self.within(node)

        def call_method(frame: Frame) -> Any:
            value = value_of(frame)
            table = quick.get(type(value))
            if table is not None and name in table:
                args, kwargs = arguments(frame)
                mark(frame)
                return method(value, name, table[name], args, kwargs)
            found = get(value, name)
            args, kwargs = arguments(frame)
            mark(frame)
            return call(found, args, kwargs)

        return self.undetermined_display(call_method)

    def arguments(
        self, positional: Sequence[ast.expr], keywords: Sequence[ast.keyword]
    ) -> Callable[[Frame], tuple[list[Any], dict[str, Any]]]:
        """The arguments of a call, evaluated in order."""
        args_of = self.elements(positional, lone=len(positional) == 1)
        if not keywords:
            return lambda frame: (args_of(frame), {})
        runs: list[tuple[str | None, Run]] = []
        for item in keywords:
            run = self.expr(item.value)
            runs.append((item.arg, self.after(run, item, "merge") if item.arg is None else run))
        unpack_mapping = self.unpack_mapping

        def gather(frame: Frame) -> tuple[list[Any], dict[str, Any]]:
            args = args_of(frame)
            named: dict[str, Any] = {}
            for name, run in runs:
                if name is None:
                    value = run(frame)
                    if not is_a(value, dict) and type(value) is not Unknown and not hasattr(value, "keys"):
                        raise GaveUp("what follows ** is no mapping")
                    for key, item in unpack_mapping(value).items():
                        if not isinstance(key, str):
                            raise TypeError("keywords must be strings")
                        if key in named:
                            raise GaveUp("a keyword is given twice")
                        named[key] = item
                elif name in named:
                    raise GaveUp("a keyword is given twice")
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
