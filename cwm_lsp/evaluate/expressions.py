"""Expressions compiled to closures: each takes a frame and gives a value.

Where the instructions of a statement are on several lines, its closures also say which instruction they come to
(`layout.positions`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.binding import Misgiven, misgiven
from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.conditions import Conditions
from cwm_lsp.evaluate.displays import Displays
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.states import WORDS
from cwm_lsp.evaluate.values import GaveUp, Unknown

if TYPE_CHECKING:
    pass


class Expressions(Conditions, Displays):
    """Compiles the expressions of one scope."""

    # names and constants

    # operators

    # displays

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

    # calls and inner scopes

    def Call(self, node: ast.Call) -> Run:  # noqa: N802
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords:
            return self.super_call(node)
        if isinstance(node.func, ast.Attribute):
            return self.method_call(node, node.func)
        function_of = self.expr(node.func)
        arguments = self.arguments(node.args, node.keywords)
        call, mark = self.interpreter.calls.call, self.within(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        called_as = self.runtime.unknowing.called_as

        def call_function(frame: Frame) -> Any:
            function = function_of(frame)
            if name in WORDS and type(function) is Unknown:
                called_as(name)
            try:
                args, kwargs = arguments(frame)
            except Misgiven as problem:
                raise misgiven(node, function, problem, self.runtime.target) from None
            mark(frame)
            return call(function, args, kwargs)

        return self.undetermined_display(node, call_function)

    def method_call(self, node: ast.Call, function: ast.Attribute) -> Run:
        calls = self.interpreter.calls
        name = mangled(function.attr, self.scope.private)
        value_of = self.after(self.expr(function.value), function)
        arguments = self.arguments(node.args, node.keywords)
        call, quick, get = calls.call, calls.quick, self.interpreter.attributes.get
        method = self.asking(calls.method, name, node)
        mark = self.within(node)
        called_as = self.runtime.unknowing.called_as

        def call_method(frame: Frame) -> Any:
            value = value_of(frame)
            table = quick.get(type(value))
            if table is not None and name in table:
                args, kwargs = arguments(frame)
                mark(frame)
                return method(value, name, table[name], args, kwargs)
            found = get(value, name)
            del value  # where no method holds it, it may end by that, before the arguments are evaluated
            if name in WORDS and type(found) is Unknown:
                called_as(name)
            try:
                args, kwargs = arguments(frame)
            except Misgiven as problem:
                raise misgiven(node, found, problem, self.runtime.target) from None
            mark(frame)
            return call(found, args, kwargs)

        return self.undetermined_display(node, call_method)

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
                    try:
                        given = unpack_mapping(value)
                    except TypeError as error:
                        if error.args != (f"'{type(value).__name__}' object is not a mapping",):
                            raise
                        given = None
                    if given is None:
                        raise Misgiven(f"argument after ** must be a mapping, not {type(value).__name__}")
                    for key, item in given.items():
                        if not isinstance(key, str):
                            raise TypeError("keywords must be strings")
                        if key in named:
                            raise Misgiven(f"got multiple values for keyword argument '{key}'")
                        named[key] = item
                elif name in named:
                    run(frame)
                    if name is not runs[-1][0]:
                        raise GaveUp("a keyword is given twice, and more follow")
                    raise Misgiven(f"got multiple values for keyword argument '{name}'")
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
