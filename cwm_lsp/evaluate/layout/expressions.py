"""The instructions of expressions."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cwm_lsp.evaluate.layout.blocks import Block, Tag
from cwm_lsp.evaluate.layout.doubts import is_doubtful
from cwm_lsp.evaluate.layout.emitter import GUIDELINE, Emitter
from cwm_lsp.evaluate.scopes import Scope


def all_constant(nodes: Sequence[ast.expr | None]) -> bool:
    return all(isinstance(node, ast.Constant) for node in nodes)


class Expressions(Emitter):
    """Generates expressions."""

    # operators

    def NamedExpr(self, node: ast.NamedExpr) -> None:  # noqa: N802
        self.visit(node.value)
        self.op("COPY", 1)
        self.visit(node.target)

    def BoolOp(self, node: ast.BoolOp) -> None:  # noqa: N802
        jump = "JUMP_IF_FALSE_OR_POP" if isinstance(node.op, ast.And) else "JUMP_IF_TRUE_OR_POP"
        end = self.block()
        for value in node.values[:-1]:
            self.visit(value)
            self.jump(jump, end, (value, "test"))
            self.use(self.block())
        self.visit(node.values[-1])
        self.use(end)

    def BinOp(self, node: ast.BinOp) -> None:  # noqa: N802
        self.visit(node.left)
        self.visit(node.right)
        self.op("BINARY_OP", None, (node, ""))

    def UnaryOp(self, node: ast.UnaryOp) -> None:  # noqa: N802
        self.visit(node.operand)
        names = {ast.Invert: "UNARY_INVERT", ast.Not: "UNARY_NOT", ast.UAdd: "UNARY_POSITIVE"}
        self.op(names.get(type(node.op), "UNARY_NEGATIVE"), None, (node, ""))

    def comparison(self, node: ast.Compare, position: int) -> None:
        operator = node.ops[position]
        tag = (node, str(position))
        if isinstance(operator, ast.Is | ast.IsNot):
            self.op("IS_OP", int(isinstance(operator, ast.IsNot)), tag)
        elif isinstance(operator, ast.In | ast.NotIn):
            self.op("CONTAINS_OP", None, tag)
        else:
            self.op("COMPARE_OP", None, tag)

    def Compare(self, node: ast.Compare) -> None:  # noqa: N802
        self.visit(node.left)
        last = len(node.ops) - 1
        cleanup = self.block() if last else None
        for position in range(last):
            assert cleanup is not None
            self.link(node, position)
            self.jump("JUMP_IF_FALSE_OR_POP", cleanup, (node, f"test{position}"))
        self.visit(node.comparators[last])
        self.comparison(node, last)
        if cleanup is not None:
            end = self.block()
            self.without_line("JUMP", end)
            self.use(cleanup)
            self.op("SWAP", 2)
            self.op("POP_TOP")
            self.use(end)

    def link(self, node: ast.Compare, position: int) -> None:
        """One comparison of a chain, which keeps its right operand."""
        self.visit(node.comparators[position])
        self.op("SWAP", 2)
        self.op("COPY", 2)
        self.comparison(node, position)

    def IfExp(self, node: ast.IfExp) -> None:  # noqa: N802
        end, otherwise = self.block(), self.block()
        self.jump_if(node.test, otherwise, when=False)
        self.visit(node.body)
        self.without_line("JUMP", end)
        self.use(otherwise)
        self.visit(node.orelse)
        self.use(end)

    def jump_if(self, node: ast.expr, target: Block, *, when: bool) -> None:
        """Go to `target` if the truth of an expression is `when`."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.jump_if(node.operand, target, when=not when)
        elif isinstance(node, ast.BoolOp):
            decided = isinstance(node.op, ast.Or)
            inner = target if decided is when else self.block()
            with self.doubting(is_doubtful(node, self.target)):
                for value in node.values[:-1]:
                    self.jump_if(value, inner, when=decided)
                self.jump_if(node.values[-1], target, when=when)
            if inner is not target:
                self.use(inner)
        elif isinstance(node, ast.IfExp):
            end, otherwise = self.block(), self.block()
            self.jump_if(node.test, otherwise, when=False)
            self.jump_if(node.body, target, when=when)
            self.without_line("JUMP", end)
            self.use(otherwise)
            self.jump_if(node.orelse, target, when=when)
            self.use(end)
        elif isinstance(node, ast.Compare):
            self.line = node.lineno
            if len(node.ops) > 1:
                self.jump_if_chain(node, target, when=when)
            else:
                self.visit(node)
                self.jump_on(node, target, when=when)
        else:
            self.visit(node)
            self.jump_on(node, target, when=when)

    def jump_on(self, node: ast.expr, target: Block, *, when: bool, part: str = "test") -> None:
        self.jump("POP_JUMP_IF_TRUE" if when else "POP_JUMP_IF_FALSE", target, (node, part))

    def jump_if_chain(self, node: ast.Compare, target: Block, *, when: bool) -> None:
        cleanup = self.block()
        self.visit(node.left)
        last = len(node.ops) - 1
        for position in range(last):
            self.link(node, position)
            self.jump_on(node, cleanup, when=False, part=f"test{position}")
        self.visit(node.comparators[last])
        self.comparison(node, last)
        self.jump_on(node, target, when=when)
        end = self.block()
        self.without_line("JUMP", end)
        self.use(cleanup)
        self.op("POP_TOP")
        if not when:
            self.without_line("JUMP", target)
        self.use(end)

    # names, attributes, items

    def Constant(self, node: ast.Constant) -> None:  # noqa: N802
        self.op("LOAD_CONST", node.value, (node, ""))

    def Name(self, node: ast.Name) -> None:  # noqa: N802
        how = {ast.Load: "LOAD", ast.Store: "STORE", ast.Del: "DELETE"}[type(node.ctx)]
        self.name(node.id, how, (node, ""))

    def Attribute(self, node: ast.Attribute) -> None:  # noqa: N802
        self.visit(node.value)
        self.line = node.end_lineno or node.lineno
        how = {ast.Load: "LOAD", ast.Store: "STORE", ast.Del: "DELETE"}[type(node.ctx)]
        self.op(f"{how}_ATTR", node.attr, (node, ""))

    def Subscript(self, node: ast.Subscript) -> None:  # noqa: N802
        self.visit(node.value)
        self.visit(node.slice)
        how = {ast.Load: "BINARY", ast.Store: "STORE", ast.Del: "DELETE"}[type(node.ctx)]
        self.op(f"{how}_SUBSCR", None, (node, ""))

    def Slice(self, node: ast.Slice) -> None:  # noqa: N802
        for part in (node.lower, node.upper):
            if part is None:
                self.op("LOAD_CONST", None)
            else:
                self.visit(part)
        if node.step is not None:
            self.visit(node.step)
        self.op("BUILD_SLICE", None, (node, ""))

    # displays

    def List(self, node: ast.List | ast.Tuple) -> None:  # noqa: N802
        if isinstance(node.ctx, ast.Load):
            self.display(node, node.elts, "LIST", as_tuple=isinstance(node, ast.Tuple))
        elif isinstance(node.ctx, ast.Store):
            starred = any(isinstance(item, ast.Starred) for item in node.elts)
            self.op("UNPACK_EX" if starred else "UNPACK_SEQUENCE", len(node.elts), (node, ""))
            for item in node.elts:
                self.visit(item.value if isinstance(item, ast.Starred) else item)
        else:
            self.visit_all(node.elts)

    Tuple = List

    def Set(self, node: ast.Set) -> None:  # noqa: N802
        self.display(node, node.elts, "SET")

    def display(
        self, node: ast.AST | None, elements: Sequence[ast.expr], kind: str, *, as_tuple: bool = False, pushed: int = 0
    ) -> None:
        """A list, set or tuple, or the positional arguments of a call, which are nobody's."""
        own: Tag | None = None if node is None else (node, "")
        started: Tag | None = None if node is None else (node, "build")
        build, add = f"BUILD_{kind}", "SET_ADD" if kind == "SET" else "LIST_APPEND"
        extend = "SET_UPDATE" if kind == "SET" else "LIST_EXTEND"
        size = len(elements)
        if size > 2 and all_constant(elements):
            values = tuple(item.value for item in elements if isinstance(item, ast.Constant))
            if as_tuple and not pushed:
                self.op("LOAD_CONST", values, own)
            else:
                self.op(build, pushed)
                self.op("LOAD_CONST", values)
                self.op(extend, None, own)
                if as_tuple:
                    self.op("LIST_TO_TUPLE")
            return
        large = size + pushed > GUIDELINE
        if not large and not any(isinstance(item, ast.Starred) for item in elements):
            self.visit_all(elements)
            self.op("BUILD_TUPLE" if as_tuple else build, size + pushed, own)
            return
        built = large
        if large:
            self.op(build, pushed, started)
        for position, item in enumerate(elements):
            if isinstance(item, ast.Starred):
                if not built:
                    self.op(build, position + pushed, started)
                    built = True
                self.visit(item.value)
                self.op(extend, None, (item, "add"))
            else:
                self.visit(item)
                if built:
                    self.op(add, None, (item, "add"))
        if as_tuple:
            self.op("LIST_TO_TUPLE")

    def Dict(self, node: ast.Dict) -> None:  # noqa: N802
        built, pending = False, 0

        def flush(position: int) -> None:
            nonlocal built, pending
            self.part_of_dict(node, position - pending, position)
            if built:
                self.op("DICT_UPDATE", 1)
            built, pending = True, 0

        for position, key in enumerate(node.keys):
            if key is None:
                if pending:
                    flush(position)
                if not built:
                    self.op("BUILD_MAP", 0)
                    built = True
                self.visit(node.values[position])
                self.op("DICT_UPDATE", 1, (node.values[position], "update"))
            elif pending * 2 > GUIDELINE:
                pending += 1
                flush(position + 1)
            else:
                pending += 1
        if pending:
            flush(len(node.values))
        if not built:
            self.op("BUILD_MAP", 0)

    def part_of_dict(self, node: ast.Dict, begin: int, end: int) -> None:
        """Keys and values that are built together."""
        size = end - begin
        keys, values = node.keys[begin:end], node.values[begin:end]
        large = size * 2 > GUIDELINE
        if size > 1 and not large and all_constant(keys):
            self.visit_all(values)
            self.op("LOAD_CONST", tuple(key.value for key in keys if isinstance(key, ast.Constant)))
            self.op("BUILD_CONST_KEY_MAP", size, (node, f"build{begin}"))
            return
        if large:
            self.op("BUILD_MAP", 0)
        for key, value in zip(keys, values, strict=True):
            assert key is not None
            self.visit(key)
            self.visit(value)
            if large:
                self.op("MAP_ADD", 1, (value, "add"))
        if not large:
            self.op("BUILD_MAP", size, (node, f"build{begin}"))

    # text

    def JoinedStr(self, node: ast.JoinedStr) -> None:  # noqa: N802
        if len(node.values) > GUIDELINE:
            self.op("LOAD_CONST", "")
            self.op("LOAD_METHOD", "join")
            self.op("BUILD_LIST", 0)
            for value in node.values:
                self.visit(value)
                self.op("LIST_APPEND", 1)
            self.op("PRECALL", 1)
            self.op("CALL", 1, (node, ""))
            return
        self.visit_all(node.values)
        if len(node.values) != 1:
            self.op("BUILD_STRING", len(node.values), (node, ""))

    def FormattedValue(self, node: ast.FormattedValue) -> None:  # noqa: N802
        self.visit(node.value)
        if node.format_spec is not None:
            self.visit(node.format_spec)
        self.op("FORMAT_VALUE", None, (node, ""))

    # calls

    def Call(self, node: ast.Call) -> None:  # noqa: N802
        function = node.func
        if isinstance(function, ast.Attribute) and self.calls_method(node, function):
            self.visit(function.value)
            self.line = function.end_lineno or function.lineno
            self.op("LOAD_METHOD", function.attr, (function, ""))
            self.visit_all(node.args)
            self.visit_all([item.value for item in node.keywords])
            if node.keywords:
                self.op("KW_NAMES")
            self.call(len(node.args) + len(node.keywords), node)
            return
        with self.on(function.lineno):
            self.op("PUSH_NULL")
        self.visit(function)
        self.arguments(node, node.args, node.keywords)

    def calls_method(self, node: ast.Call, function: ast.Attribute) -> bool:
        """Whether the compiler loads a method to call it."""
        if isinstance(function.value, ast.Name) and function.value.id in self.imported:
            return False
        if len(node.args) + len(node.keywords) + bool(node.keywords) >= GUIDELINE:
            return False
        return not (
            any(isinstance(item, ast.Starred) for item in node.args) or any(item.arg is None for item in node.keywords)
        )

    def call(self, size: int, node: ast.AST, part: str = "") -> None:
        self.op("PRECALL", size)
        self.op("CALL", size, (node, part))

    def arguments(
        self,
        node: ast.AST,
        positional: Sequence[ast.expr],
        keywords: Sequence[ast.keyword],
        *,
        pushed: int = 0,
        part: str = "",
    ) -> None:
        """The arguments of a call, and the call."""
        spread = any(isinstance(item, ast.Starred) for item in positional) or any(item.arg is None for item in keywords)
        if not spread and len(positional) + len(keywords) * 2 <= GUIDELINE:
            self.visit_all(positional)
            self.visit_all([item.value for item in keywords])
            if keywords:
                self.op("KW_NAMES")
            self.call(pushed + len(positional) + len(keywords), node, part)
            return
        if not pushed and len(positional) == 1 and isinstance(positional[0], ast.Starred):
            self.visit(positional[0].value)
        else:
            self.display(None, positional, "LIST", as_tuple=True, pushed=pushed)
        built, pending = False, 0
        for position, item in enumerate(keywords):
            if item.arg is not None:
                pending += 1
                continue
            if pending:
                self.named(keywords[position - pending : position])
                if built:
                    self.op("DICT_MERGE", 1, (keywords[position - 1], "merge"))
                built, pending = True, 0
            if not built:
                self.op("BUILD_MAP", 0)
                built = True
            self.visit(item.value)
            self.op("DICT_MERGE", 1, (item, "merge"))
        if pending:
            self.named(keywords[len(keywords) - pending :])
            if built:
                self.op("DICT_MERGE", 1, (keywords[-1], "merge"))
        self.op("CALL_FUNCTION_EX", None, (node, part))

    def named(self, keywords: Sequence[ast.keyword]) -> None:
        """A dict of keyword arguments."""
        size = len(keywords)
        large = size * 2 > GUIDELINE
        if size > 1 and not large:
            self.visit_all([item.value for item in keywords])
            self.op("LOAD_CONST", tuple(item.arg for item in keywords))
            self.op("BUILD_CONST_KEY_MAP", size)
            return
        if large:
            with self.on(-1):
                self.op("BUILD_MAP", 0)
        for item in keywords:
            self.op("LOAD_CONST", item.arg)
            self.visit(item.value)
            if large:
                with self.on(-1):
                    self.op("MAP_ADD", 1)
        if not large:
            self.op("BUILD_MAP", size)

    # inner scopes

    def Lambda(self, node: ast.Lambda) -> None:  # noqa: N802
        self.defaults(node.args)
        self.closure(node)

    def closure(self, node: ast.AST) -> None:
        """Make the function of an inner scope."""
        free = self.inner_free(node)
        if free:
            for name in free:
                self.op("LOAD_CLOSURE", name)
            self.op("BUILD_TUPLE", len(free))
        self.op("LOAD_CONST", node)
        self.op("MAKE_FUNCTION", None, (node, "make"))

    def inner_free(self, node: ast.AST) -> Sequence[str]:
        inner: Scope | None = next((child for child in self.scope.children if child.node is node), None)
        return sorted(inner.free) if inner is not None else ()

    def defaults(self, arguments: ast.arguments) -> None:
        """The default values of parameters."""
        if arguments.defaults:
            self.visit_all(arguments.defaults)
            self.op("BUILD_TUPLE", len(arguments.defaults))
        named = [
            (item.arg, default)
            for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        if named:
            self.visit_all([default for _, default in named])
            self.op("LOAD_CONST", tuple(name for name, _ in named))
            self.op("BUILD_CONST_KEY_MAP", len(named))

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.closure(node)
        first = node.generators[0]
        self.visit(first.iter)
        self.op("GET_AITER" if first.is_async else "GET_ITER", None, (first, "iter"))
        self.call(0, node)
        if self.awaited(node):
            self.op("GET_AWAITABLE", None, (node, "await"))
            self.op("LOAD_CONST", None)
            self.yield_from(node, "await")

    ListComp = SetComp = DictComp = GeneratorExp = comprehension

    def awaited(self, node: ast.expr) -> bool:
        """Whether a comprehension is a coroutine."""
        inner = next((child for child in self.scope.children if child.node is node), None)
        return inner is not None and inner.is_async and not isinstance(node, ast.GeneratorExp)

    # suspending

    def Yield(self, node: ast.Yield) -> None:  # noqa: N802
        if node.value is not None:
            self.visit(node.value)
        else:
            self.op("LOAD_CONST", None)
        self.yield_value(node)

    def yield_value(self, node: ast.AST) -> None:
        if self.scope.is_async:
            self.op("ASYNC_GEN_WRAP")
        self.op("YIELD_VALUE", None, (node, "yield"))
        self.op("RESUME", 1, (node, "resume"))

    def YieldFrom(self, node: ast.YieldFrom) -> None:  # noqa: N802
        self.visit(node.value)
        self.op("GET_YIELD_FROM_ITER", None, (node, "iter"))
        self.op("LOAD_CONST", None)
        self.yield_from(node)

    def Await(self, node: ast.Await) -> None:  # noqa: N802
        self.visit(node.value)
        self.op("GET_AWAITABLE", None, (node, "iter"))
        self.op("LOAD_CONST", None)
        self.yield_from(node)
