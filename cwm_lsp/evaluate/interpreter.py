"""The interpreter of one file: its namespace, and how functions, comprehensions, classes and generators are made."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from types import CellType
from typing import Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.asynchronous import Asynchronous
from cwm_lsp.evaluate.attributes import Attributes
from cwm_lsp.evaluate.awaiting import Awaiting
from cwm_lsp.evaluate.calls import Calls
from cwm_lsp.evaluate.classes import class_maker
from cwm_lsp.evaluate.code import RETURN, Code, Do, Frame, Run
from cwm_lsp.evaluate.comprehensions import comprehension_maker
from cwm_lsp.evaluate.decimals import sets_contexts
from cwm_lsp.evaluate.definitions import annotation, function_maker
from cwm_lsp.evaluate.delegation import Delegation
from cwm_lsp.evaluate.demand import Plan
from cwm_lsp.evaluate.everyday import Hidden
from cwm_lsp.evaluate.exceptions import Managing, Raising
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.formats import Formats
from cwm_lsp.evaluate.generators import Generators
from cwm_lsp.evaluate.groups import Grouping
from cwm_lsp.evaluate.home import Home, become_package
from cwm_lsp.evaluate.imports import Imports
from cwm_lsp.evaluate.layout.blocks import REFERENCE
from cwm_lsp.evaluate.layout.code import annotates, docstring, instructions
from cwm_lsp.evaluate.layout.folding import imported_names
from cwm_lsp.evaluate.layout.positions import Positions
from cwm_lsp.evaluate.listed import listed_classes
from cwm_lsp.evaluate.mentions import bound_by, is_main_guard, may_never_end, surely_bound_by, unbound_by
from cwm_lsp.evaluate.operations import Operations
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.scopes import Scope, analyse, mangled, postpones
from cwm_lsp.evaluate.statements import Statements
from cwm_lsp.evaluate.telling import tells
from cwm_lsp.evaluate.values import GaveUp, NotImported, Undetermined, Unknown
from cwm_lsp.evaluate.versions import dialect_of
from cwm_lsp.evaluate.world import World
from cwm_lsp.source.modules import Found
from cwm_lsp.trace.facts import NOT_IMPORTED

_PLAIN = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Assert, ast.Raise)
_OF_VALUES = (ArithmeticError, AssertionError, LookupError, TypeError, ValueError)


class Interpreter:
    """The code of one module, and what the modules of an evaluation share."""

    def __init__(
        self,
        runtime: Runtime,
        tree: ast.Module,
        module_name: str,
        world: World | None = None,
        *,
        scopes: Mapping[ast.AST, Scope] | None = None,
        first: Interpreter | None = None,
    ) -> None:
        self.runtime = runtime
        self.tree = tree
        self.module_name = module_name
        self.scopes = dict(scopes) if scopes is not None else analyse(tree)
        self.namespace: dict[str, Any] = {"__name__": module_name, "__doc__": ast.get_docstring(tree, clean=False)}
        runtime.homes[id(self.namespace)] = self
        self.perhaps: set[str] = set()
        """Global names that may be bound or not."""
        self.package: str | None = None
        """What relative imports start from; None if that is not known."""
        self.path: str | None = None
        """The file, where its steps are events and it is not the one of the call."""
        self.stepped_over = False
        """Its frames are not traced."""
        self.of_library = False
        """It comes with Python."""
        self.installed = False
        """It comes with Python or is installed."""
        self.plan: Plan | None = None
        """Of a module of which no more is interpreted than is asked for."""
        self.begun: set[int] = set()
        """The groups of its statements that were asked for."""
        if first is not None:
            self.share(first)
        else:
            self.operations = Operations(runtime)
            self.formats = Formats(self)
            self.attributes = Attributes(self)
            self.asynchronous = Asynchronous(self)
            self.calls = Calls(self)
            self.enter = CellType(self.calls.from_library)
            self.imports = Imports(self, world)
            runtime.dialect = dialect_of(self.imports.world.finder.own)
            if runtime.dialect is not None and runtime.dialect.differs:
                self.calls.leave_out(runtime.dialect)
                self.imports.doubtful = runtime.dialect.doubtful_of("builtins")
            runtime.target = self.imports.world.finder.own.version or sys.version_info[:2]
            self.raising, self.grouping = Raising(self), Grouping(self)
            self.managing = Managing(self)
            self.suspension = Delegation(self)
            self.awaiting = Awaiting(self.suspension)
        self.postponed = postpones(tree)
        """Annotations are kept as text."""
        self.open = False
        """The namespace may have names that are not known."""
        self.codes: dict[ast.AST, Code] = {}
        self.foreign: frozenset[ast.AST] = frozenset()
        """Nodes with a scope that are part of the call and not of the file."""
        if first is None and sets_contexts(tree):
            self.imports.modules["decimal"] = library.Module("decimal", {})
        self.namespace |= {"__package__": Unknown(), "__loader__": Hidden(), "__spec__": Hidden()}
        self.namespace |= {"__file__": Unknown(), "__cached__": Hidden(), "__builtins__": Hidden()}
        if any(map(annotates, tree.body)):
            self.namespace["__annotations__"] = Unknown()
        self.itself: library.Module | None = None
        """The module of the call's file, as others import it."""
        if first is None:
            self.become_module()

    def become_module(self) -> None:
        """Be the module of the call's file, as others import it."""
        main = self.imports.world.finder.main
        if main is None and self.module_name in sys.stdlib_module_names:
            return  # a text, and no file that would be imported in place of the library's
        itself = library.Module(self.module_name, self.namespace)
        itself.rest = functools.partial(self.imports.absent, itself)
        itself.perhaps = self.perhaps
        self.imports.modules[self.module_name] = itself
        if main is not None:
            self.itself = itself
            itself.shown = f"<module {self.module_name!r} from {str(main)!r}>"
            self.namespace["__file__"] = str(main)
            self.package = self.module_name.rpartition(".")[0]
            if main.name == "__init__.py":
                self.package = self.module_name
                become_package(self.namespace, [str(main.parent)])
            self.namespace["__package__"] = self.package

    def share(self, first: Interpreter) -> None:
        """Take what the modules of an evaluation have in common from the first of them."""
        self.operations, self.formats, self.attributes = first.operations, first.formats, first.attributes
        self.calls, self.enter, self.imports = first.calls, first.enter, first.imports
        self.raising, self.grouping, self.managing = first.raising, first.grouping, first.managing
        self.suspension, self.awaiting, self.asynchronous = first.suspension, first.awaiting, first.asynchronous

    def beside(self, tree: ast.Module, scopes: Mapping[ast.AST, Scope], found: Found, traced: bool) -> Interpreter:
        """The interpreter of another module of the same program."""
        made = Interpreter(self.runtime, tree, found.name, scopes=scopes, first=self)
        made.package = found.package
        made.stepped_over, made.of_library = not traced, found.library
        made.installed = found.installed
        if traced:
            made.path = str(found.path)
        made.namespace["__file__"] = str(found.path)
        if found.is_package:
            become_package(made.namespace, list(found.locations) if not found.library else Unknown())
        made.namespace["__package__"] = found.package
        return made

    @property
    def here(self) -> Home:
        """The module whose code is running."""
        frame = self.runtime.frame
        return (frame.code.home if frame is not None else None) or self

    def global_value(self, name: str) -> Any:
        """The value of a global or builtin name."""
        try:
            return self.namespace[name]
        except KeyError:
            if self.plan is not None and self.demand(name):
                return self.namespace[name]
        if name in self.perhaps or name in self.imports.doubtful:
            return self.runtime.unknown()
        if name in self.imports.builtins:
            return self.imports.builtins[name]
        try:
            return Unknown() if self.open else library.BUILTINS[name]
        except KeyError:
            if name in BUILTIN_NAMES or name == "__builtins__":
                return Unknown()
            if self.open:
                return self.runtime.unknown()
            raise NameError(f"name '{name}' is not defined") from None

    def evaluate(self, expression: ast.expr, variables: dict[str, Any] | None = None) -> Any:
        """The value of an expression that is not of the file, whose own scopes are not traced."""
        module = ast.Module(body=[ast.Expr(value=expression)], type_ignores=[])
        scopes = analyse(module)
        self.scopes.update(scopes)
        self.foreign |= scopes.keys()
        if variables is None:
            variables = self.namespace
        compiler = Generators(self, scopes[module])
        if compiler.suspends(expression):
            return self.suspension.make(Frame(self.awaiting_code(compiler, expression), variables, {}))
        run = compiler.expr(expression)
        frame = Frame(self.module_code(), variables, {})
        frame.caller = self.runtime.frame
        if frame.caller is None:
            self.runtime.frame = frame
        return run(frame)

    def prepare(self, statements: Sequence[ast.stmt]) -> None:
        """Carry out statements that are not of the file, in its namespace, untraced like its top level. What they raise
        is raised."""
        if not statements:
            return
        module = ast.Module(list(statements), [])
        scopes = analyse(module)
        self.scopes.update(scopes)
        self.foreign |= scopes.keys()
        self.carry_out(Statements(self, scopes[module]), statements, self.prepare_statement)

    def prepare_statement(self, compiler: Statements, frame: Frame, node: ast.stmt) -> None:
        try:
            do = compiler.statement(node, None)
            if do is not None:
                do(frame)
        except Undetermined:
            self.forget(node)
        except GaveUp:
            self.runtime.check()
            self.forget(node)

    def awaiting_code(self, compiler: Generators, expression: ast.expr) -> Code:
        """The code of the coroutine that an expression with an `await` inside gives."""
        value_of = compiler.suspending(expression)

        def body(frame: Frame) -> Generator[Any, Any, str]:
            frame.result = yield from value_of(frame)
            return RETURN

        code = self.module_code()
        code.body, code.is_async, code.foreign = body, True, True
        return code

    # the file's top level

    def module_code(self) -> Code:
        return Code("<module>", "<module>", 0, (), frozenset(), (), (), is_function=False, home=self, path=self.path)

    def load(self) -> None:
        """Interpret the module's top level, untraced; what cannot be known there becomes unknown."""
        if self.itself is not None and self.imports.begins_with_package(self.tree):
            self.itself.load = self.load_body
            self.imports.from_package(self.itself)
        else:
            self.load_body()

    def load_body(self) -> None:
        name = self.namespace["__name__"]
        self.imports.loading.add(name)
        try:
            self.load_statements(self.tree.body)
        finally:
            self.imports.loading.discard(name)

    def demand(self, name: str) -> bool:
        """Interpret what makes a global name, if that has been put off; whether there is one now."""
        number = self.plan.of_name.get(name) if self.plan is not None else None
        if number is not None and number not in self.begun:
            assert self.plan is not None
            self.begun.add(number)
            with self.runtime.untraced():
                self.load_statements(self.plan.groups[number])
            self.namespace |= listed_classes(self.namespace)
        return name in self.namespace

    def demand_all(self) -> None:
        """Interpret all that has been put off."""
        for name in list(self.plan.of_name) if self.plan is not None else ():
            self.demand(name)

    def load_statements(self, statements: Sequence[ast.stmt]) -> None:
        self.carry_out(Statements(self, self.scopes[self.tree]), statements, self.load_statement)

    def carry_out(
        self,
        compiler: Statements,
        statements: Sequence[ast.stmt],
        each: Callable[[Statements, Frame, ast.stmt], None],
    ) -> None:
        """Have statements carried out in a frame of the module."""
        frame = Frame(self.module_code(), self.namespace, {})
        runtime = self.runtime
        around, runtime.frame = runtime.frame, frame
        guarded, runtime.guarded = runtime.guarded, 0 if self.plan is not None else runtime.guarded
        runtime.loading += 1
        files = self.imports.files
        trusted, files.trusted = files.trusted, self.installed
        try:
            for statement in statements:
                each(compiler, frame, statement)
                runtime.frame = frame
        finally:
            runtime.loading -= 1
            files.trusted = trusted
            runtime.guarded = guarded
            runtime.frame = around

    def load_statement(self, compiler: Statements, frame: Frame, node: ast.stmt) -> None:
        if is_main_guard(node):
            return
        try:
            do = compiler.statement(node, None)
            if do is not None:
                do(frame)
        except (ImportError, AttributeError):
            if self.stepped_over or self.path:
                raise  # whoever imports this module may be waiting for it
            self.forget(node)
        except Exception as error:
            if (self.stepped_over or self.path) and not self.of_library:
                raise  # the import fails
            self.fail_if_certain(node, error)
            self.forget(node)
        except Undetermined:
            self.forget(node)
        except GaveUp as reason:
            self.runtime.check()
            self.fail_if_certain(node, reason)
            self.forget(node)

    def fail_if_certain(self, node: ast.stmt, error: BaseException) -> None:
        """Raise NotImported where a statement of the call's own file goes on and on; and where a plain one, which names
        nothing imported and calls builtins alone, raises what depends on values alone. What other files raise may come
        of what is not known of them; and where a function of the file fails, that is what one wants to see of it."""
        if self.stepped_over or self.path or self.of_library:
            return
        if may_never_end(node, error):
            raise NotImported(f"{NOT_IMPORTED}: line {node.lineno} goes on and on ({error})") from None
        if not isinstance(node, _PLAIN) or not isinstance(error, _OF_VALUES):
            return
        parts = list(ast.walk(node))
        called = {
            part.func.id if isinstance(part.func, ast.Name) else "" for part in parts if isinstance(part, ast.Call)
        }
        named = {part.id for part in parts if isinstance(part, ast.Name)}
        if called <= library.BUILTINS.keys() - self.namespace.keys() and named.isdisjoint(imported_names(self.tree)):
            told = f"{type(error).__name__}: {error}".rstrip(": ")
            raise NotImported(f"{NOT_IMPORTED}: line {node.lineno} raises {told}")

    def forget(self, node: ast.stmt) -> None:
        """A statement of the top level could not be followed: what it binds or may change is unknown."""
        self.runtime.unknowing.give_up_statement(self, node)
        for name in bound_by(node):
            if name == "*":
                self.forget_all()
            else:
                before = name in self.namespace and name not in unbound_by(node)
                self.forget_name(name, bound=before or name in surely_bound_by(node))

    def forget_name(self, name: str, *, bound: bool) -> None:
        """A global name is unknown, and whether there is one, if it is not `bound`."""
        if bound:
            self.namespace[name] = Unknown()
        else:
            self.namespace.pop(name, None)
            self.perhaps.add(name)

    def forget_all(self, *, unbound: bool = False) -> None:
        """Names that are not known may have been bound, or `unbound`: any name may be one of them."""
        self.open = True
        for name in list(self.namespace):
            if not name.startswith("__"):
                self.forget_name(name, bound=not unbound)

    # functions

    def code_of(self, node: Any) -> Code:
        """The code of a function, lambda or comprehension."""
        code = self.codes.get(node)
        if code is None:
            code = self.codes[node] = self.make_code(node)
        return code

    def make_code(self, node: Any) -> Code:
        scope = self.scopes[node]
        first = node.decorator_list[0].lineno if getattr(node, "decorator_list", None) else node.lineno
        variables = tuple(scope.variables())
        code = Code(
            scope.name, scope.qualname(self.runtime.target), first, variables, frozenset(scope.cells | scope.free),
            tuple(sorted(scope.free)), tuple(sorted(scope.cells)), node=node,
        )  # fmt: skip
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef):
            arguments = node.args
            private = scope.private
            code.parameters = tuple(scope.parameters)
            code.positional = tuple(mangled(item.arg, private) for item in [*arguments.posonlyargs, *arguments.args])
            code.positional_only = len(arguments.posonlyargs)
            code.keyword_only = tuple(mangled(item.arg, private) for item in arguments.kwonlyargs)
            code.rest = mangled(arguments.vararg.arg, private) if arguments.vararg else None
            code.keywords = mangled(arguments.kwarg.arg, private) if arguments.kwarg else None
        code.is_generator = scope.yields or isinstance(node, ast.GeneratorExp)
        code.is_async = scope.is_async
        code.plain = not (code.own_cells or code.suspends or code.keyword_only or code.rest or code.keywords)
        code.foreign = self.stepped_over or node in self.foreign
        code.home, code.path = self, self.path
        code.compile = lambda: self.compile_body(node, scope)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code.doc = ast.get_docstring(node, clean=False)
        return code

    def compile_body(self, node: Any, scope: Scope) -> Any:
        """The body of a function: a `Do`, or `Steps` for a generator."""
        if isinstance(node, ast.Lambda):
            return self.generator_lambda(node, scope) if scope.yields else self.lambda_body(node, scope)
        body = node.body[1:] if docstring(node.body) else node.body
        positions = self.positions(node, scope)
        if scope.yields or scope.is_async:
            steps = Generators(self, scope, positions)
            return steps.to_the_end_of_steps(steps.steps_block(body), node)
        statements = Statements(self, scope, positions)
        return statements.to_the_end(statements.block(body), node)

    def positions(self, node: ast.AST, scope: Scope) -> Positions | None:
        """The instructions of a code object of the file; None where its steps are not traced."""
        if self.stepped_over or node in self.foreign:
            return None
        try:
            made = laid_out(
                node, scope, imported_names(self.tree), postponed=self.postponed, target=self.runtime.target
            )
        except NotImplementedError as error:
            raise GaveUp(f"line {getattr(node, 'lineno', 0)}: {error} is not interpreted") from None
        return Positions(made, self.runtime.line, tells=self.runtime.target == REFERENCE)

    def generator_lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        """A `lambda` with a `yield` inside."""
        compiler = Generators(self, scope, self.positions(node, scope))
        start = compiler.begin(node)
        steps, leave = compiler.either(node.body), compiler.mark(node, "return")

        def run(frame: Frame) -> Generator[Any, Any, str]:
            start(frame)
            frame.result = yield from steps(frame)
            leave(frame)
            return RETURN

        return run

    def lambda_body(self, node: ast.Lambda, scope: Scope) -> Do:
        compiler = Statements(self, scope, self.positions(node, scope))
        start = compiler.begin(node)
        value_of, leave = compiler.expr(node.body), compiler.mark(node, "return")
        if not tells(node.body):
            value_of = compiler.acting(value_of)

        def run(frame: Frame) -> str:
            start(frame)
            frame.result = value_of(frame)
            leave(frame)
            return RETURN

        return run

    # what makes functions, comprehensions and classes

    def function_maker(self, compiler: Expressions, node: Any) -> Run:
        """Compile a `def` or `lambda`."""
        return function_maker(self, compiler, node)

    def annotation(self, compiler: Expressions, node: ast.expr) -> Run:
        """What an annotation evaluates to: unknown, at most, where it names something that is not known."""
        return annotation(self, compiler, node)

    def comprehension_maker(self, compiler: Expressions, node: Any) -> Run:
        """Compile a comprehension."""
        return comprehension_maker(self, compiler, node)

    def class_maker(self, compiler: Expressions, node: ast.ClassDef) -> Run:
        """Compile a class definition."""
        return class_maker(self, compiler, node)


BUILTIN_NAMES = frozenset(dir(__import__("builtins")))


laid_out = functools.lru_cache(maxsize=512)(instructions)
"""The instructions of a code object, whose syntax tree is shared by the evaluations of one text."""


def unsupported(line: int, what: str) -> Callable[[Frame], Any]:
    def run(frame: Frame) -> Any:
        raise GaveUp(f"line {line}: {what} is not interpreted")

    return run
