"""Looks at, and changes of, the states of the traced call on its way.

An expression is interpreted in the scope of a frame as if it stood there. Whatever it changes, it has changed: a look
that may have done so is the last one of its evaluation (`Looked` tells), and the next begins with another one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.library import BUILTINS
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.values import INTERNAL, MISSING, Exhausted, GaveUp, Unknown
from cwm_lsp.trace.interventions import NOT_SEEN, Change, Intervention, Look, Looked, Skip

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame
    from cwm_lsp.evaluate.context import Context

READING = frozenset({
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate",
    "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "int", "isinstance", "issubclass", "len",
    "list", "max", "min", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum",
    "tuple", "type", "zip",
})  # fmt: skip
"""Builtins that change nothing but the iterators that they are given."""
READING_METHODS = frozenset({
    "as_integer_ratio", "bit_count", "bit_length", "capitalize", "casefold", "center", "copy", "count", "decode",
    "difference", "encode", "endswith", "expandtabs", "find", "format", "get", "hex", "index", "intersection",
    "is_integer", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isdisjoint", "isidentifier", "islower",
    "isnumeric", "isprintable", "isspace", "issubset", "issuperset", "istitle", "isupper", "items", "join", "keys",
    "ljust", "lower", "lstrip", "most_common", "partition", "removeprefix", "removesuffix", "replace", "rfind",
    "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase",
    "symmetric_difference", "title", "to_bytes", "union", "upper", "values", "zfill",
})  # fmt: skip
"""Methods of built-in types that change nothing; of other types they are the program's, whose frames are noticed."""


class Visits:
    """What is to be done at the steps of one evaluation."""

    def __init__(
        self,
        interpreter: Context,
        interventions: Sequence[Intervention],
        looks: Sequence[Look],
        tell: Callable[[Looked], None],
    ) -> None:
        self._interpreter = interpreter
        self._runtime = interpreter.runtime
        self._tell = tell
        changes = [one for one in interventions if isinstance(one, Change)]
        self._changes = {step: list(its) for step, its in groupby(changes, lambda one: one.step)}
        self._skips = {one.step for one in interventions if isinstance(one, Skip)}
        self._skipped: Frame | None = None
        self._looks = {step: list(its) for step, its in groupby(looks, lambda one: one.step)}
        self._last_look = max(self._looks, default=None)

    @property
    def pending(self) -> bool:
        """Whether there is more to come: until then, nothing is said of how the call goes on for ever."""
        return bool(self._changes or self._looks or self._skips)

    def is_left_out(self, frame: Frame) -> bool:
        """Whether the steps of a frame that has just been entered are left out."""
        return frame is self._skipped

    def at(self, step: int, frame: Frame) -> None:
        """The frame is about to show a step."""
        if step in self._skips:
            self._skips.discard(step)
            self._skipped = frame
        for change in self._changes.pop(step, ()):
            self._change(change, frame)
        for look in self._looks.pop(step, ()):
            before = self._runtime.stirred
            seen = self._look(look, frame)
            self._tell(seen)
            if self._runtime.stirred != before:
                raise GaveUp("what is looked at may have changed")
        if step == self._last_look:
            raise GaveUp("nothing more is looked at")

    def _look(self, look: Look, frame: Frame) -> Looked:
        runtime = self._runtime
        try:
            scope = _at_depth(frame, look.depth)
            with runtime.untraced():
                value = self._value(look.expression, scope)
                if type(value) is Unknown and value.value is not MISSING:
                    value = value.value
                stirred = runtime.stirred
                text = runtime.rendering.text(value)
                runtime.stirred = stirred  # a `__repr__` that could change anything is never called
        except Exhausted:
            raise
        except INTERNAL:
            self._runtime.stirred += 1  # it was left half-way
            return NOT_SEEN
        except Exception as error:
            return Looked(None, error=_told(error))
        return Looked(text, "predicted" if runtime.tainted else "computed")

    def _change(self, change: Change, frame: Frame) -> None:
        runtime = self._runtime
        try:
            scope = _at_depth(frame, change.depth)
            runtime.snapshot(scope)
            with runtime.untraced():
                self._store(ast.parse(change.target.strip(), mode="eval").body, change, scope)
            runtime.acts += 1
            before, runtime.fresh = runtime.fresh, "given"
            runtime.snapshot(scope)
            runtime.fresh = before
        except Exhausted:
            raise
        except INTERNAL as error:
            reason = str(error) if isinstance(error, GaveUp) else "what it would be is not known"
            raise Exhausted(f"{change.target} cannot be set: {reason}") from None
        except Exception as error:
            raise Exhausted(f"{change.target} cannot be set: {_told(error)}") from None

    def _store(self, target: ast.expr, change: Change, frame: Frame) -> None:
        value = self._value(change.value, frame)
        if type(value) is Unknown:
            raise GaveUp("the value is not known")
        private = self._private(frame)
        match target:
            case ast.Name(id=name):
                name = mangled(name, private)
                if name in frame.code.shared:
                    frame.cells[name].value = value
                elif not frame.code.is_function or name in frame.code.variables:
                    frame.vars[name] = value
                elif name in (namespace := (frame.code.home or self._interpreter).namespace):
                    namespace[name] = value
                else:
                    raise GaveUp(f"{frame.code.name} has no variable {name}")
                frame.values.pop(name, None)
            case ast.Attribute(value=holder, attr=name):
                found = self._value(ast.unparse(holder), frame)
                self._interpreter.attributes.set(found, mangled(name, private), value)
            case ast.Subscript(value=holder, slice=key):
                found = self._value(ast.unparse(holder), frame)
                self._interpreter.operations.set_item(found, self._value(ast.unparse(key), frame), value)
            case _:
                raise GaveUp("it is no variable, attribute or item")

    def _value(self, text: str, frame: Frame) -> Any:
        """The value of an expression in the scope of a frame."""
        runtime = self._runtime
        expression = _Mangling(self._private(frame)).visit(ast.parse(text.strip(), mode="eval").body)
        mentioned = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
        shared = {name: cell.value for name, cell in frame.cells.items() if cell.value is not MISSING}
        variables = {name: value for name, value in {**frame.vars, **shared}.items() if name in mentioned}
        if not self._only_reads(expression, variables):
            runtime.stirred += 1
        around, runtime.frame = runtime.frame, frame
        home = frame.code.home or self._interpreter
        try:
            if not frame.code.is_function:
                return home.evaluate(expression, frame.vars)
            function = home.evaluate(_over(sorted(variables), expression), {})
            return self._interpreter.calls.call(function, [variables[name] for name in sorted(variables)], {})
        finally:
            runtime.frame = around

    def _only_reads(self, expression: ast.expr, variables: Mapping[str, Any]) -> bool:
        """Whether it changes nothing, but for what frames of the program do that it enters."""
        consumes = creates = False
        for node in ast.walk(expression):
            consumes = consumes or isinstance(node, ast.Call | ast.comprehension | ast.Starred | ast.In | ast.NotIn)
            creates = creates or isinstance(node, ast.Subscript)
            match node:
                case ast.Await() | ast.Yield() | ast.YieldFrom():
                    raise GaveUp("it waits")
                case ast.Call(func=ast.Name(id=name)):
                    if name not in READING or name in variables or name not in BUILTINS:
                        return False
                case ast.Call(func=ast.Attribute(attr=name)):
                    if name not in READING_METHODS:
                        return False
                case ast.Call():
                    return False
        return not self._runtime.reaches(
            variables.values(),
            lambda value: (
                (consumes and hasattr(type(value), "__next__")) or (creates and hasattr(type(value), "__missing__"))
            ),
        )

    def _private(self, frame: Frame) -> str | None:
        home = frame.code.home or self._interpreter
        scope = home.scopes.get(frame.code.node)
        return scope.private if scope is not None else None


class _Mangling(ast.NodeTransformer):
    """Private names as they are stored."""

    def __init__(self, private: str | None) -> None:
        self._private = private

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = mangled(node.id, self._private)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        node.attr = mangled(node.attr, self._private)
        return node


def _over(names: list[str], expression: ast.expr) -> ast.expr:
    """The expression as a function of variables."""
    parameters = ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=name) for name in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    made = ast.copy_location(ast.Lambda(args=parameters, body=expression), expression)
    return ast.fix_missing_locations(made)


def _frames(frame: Frame | None) -> Iterator[Frame]:
    while frame is not None:
        if frame.traced:
            yield frame
        frame = frame.caller


def _at_depth(frame: Frame, depth: int) -> Frame:
    """The frame on the stack that is so deep."""
    found = next((one for one in _frames(frame) if one.depth == depth), None)
    if found is None:
        raise GaveUp("there is no such frame")
    return found


def _told(error: Exception) -> str:
    try:
        message = str(error)
    except Exception:  # its own `__str__`, interpreted or not
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
