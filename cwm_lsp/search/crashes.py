"""Calls on which a function crashes that its author says it takes."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cwm_lsp.evaluate import Called
from cwm_lsp.search.crash import NEVER_ENDS, Crash
from cwm_lsp.search.loop import Attempt, Budget, Search
from cwm_lsp.search.shrink import shrunk
from cwm_lsp.search.space import Arguments, NoCalls, Space, space_of
from cwm_lsp.source.calls import candidates_of
from cwm_lsp.source.expectations import expected
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.prepared import is_prepared, with_imports
from cwm_lsp.source.recovery import module_statements, parse
from cwm_lsp.source.samples import runtime_names
from cwm_lsp.trace.events import Outcome

_IGNORED = re.compile(r"#\s*cwm:\s*ignore\b")
_WRONG_KIND = frozenset({"TypeError", "AttributeError"})
_OF_ENVIRONMENT = frozenset({
    "ImportError", "ModuleNotFoundError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError",
    "PermissionError", "FileExistsError",
})  # fmt: skip
"""What is installed, and which files there are, decides on them."""
_HOOKS = frozenset({"__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__del__", "__next__"})
"""Methods that Python calls, and of which it expects exceptions."""
_LOOKUPS = frozenset({"__getitem__", "__delitem__", "__missing__"})
_OVERLOAD = re.compile(r"(?:^|\.)(?:overload|abstractmethod)$")


@dataclass(frozen=True, slots=True)
class Known:
    """What is written down of a function's calls, in its file and its tests."""

    calls: tuple[str, ...] = ()
    raising: tuple[str, ...] = ()
    """Those that are expected to raise."""
    raises: frozenset[str] = frozenset()
    """The types of those exceptions."""


NOTHING = Known()


def known(source: str, wanted: Sequence[Function], path: str, tests: Mapping[str, str]) -> list[Known]:
    """What is known of each of some functions of a file, whose `tests` are texts by path."""
    texts = {**tests, path: source}
    found = []
    for function, calls in zip(wanted, candidates_of(wanted, source, path=path, tests=tests), strict=True):
        raises: set[str] = set()
        normal: list[str] = []
        raising: list[str] = []
        for call in (one for one in calls if not (one.indirect or is_prepared(one.expression))):
            told = expected(texts[call.path], call.line, function.name) if call.path in texts and call.line else None
            if told is not None and told.kind == "raises":
                raises.add(told.text.partition(":")[0].rpartition(".")[2])
                raising.append(call.expression)
            elif call.origin != "defaults":
                normal.append(call.expression)
        found.append(Known(tuple(normal), tuple(raising), frozenset(raises)))
    return found


@dataclass(slots=True)
class Searched:
    """What a search for crashes of one function gave."""

    function: Function
    crashes: list[Crash] = field(default_factory=list)
    tried: int = 0
    gave_up: str | None = None
    """Why nothing can be said: no call could be made up or evaluated."""
    late: bool = False
    """It was ended for want of time."""
    reads: set[str] = field(default_factory=set)
    """The other files that this depends on, where those are known."""


def wanted(source: str) -> list[Function]:
    """The functions of a file whose crashes are of interest: no stubs, no tests, none inside another."""
    everything = functions(source)
    inside = {function.qualname for function in everything}
    return [
        function
        for function in everything
        if function.parent not in inside
        and function.kind != "lambda"
        and not any(map(_OVERLOAD.search, function.decorators))
        and not function.name.startswith("test_")
        and function.name not in _HOOKS
    ]


def crashes(
    source: str,
    function: Function,
    attempt: Attempt,
    *,
    known: Known = NOTHING,
    where: Where = nowhere,
    budget: Budget | None = None,
    seed: int = 0,
    deliberate: bool = False,
) -> Searched:
    """The crashes of a function, one for each line and kind, each with the smallest call found.

    `attempt` evaluates calls of the function; `where` the file is, for what it imports. `deliberate` also gives
    exceptions that the file raises itself, and those that its tests expect.
    """
    found = Searched(function)
    try:
        space = space_of(source, function, known.calls, where)
    except NoCalls as error:
        found.gave_up = str(error)
        return found
    judge = Judge(source, function, space, known.raises)
    search = Search(space, attempt, budget or Budget(), seed)
    kinds: dict[tuple[int, str], tuple[Arguments, Crash]] = {}
    for one in search:
        crash = judge.crash(one.arguments, one.call, one.called)
        if crash is None or (crash.deliberate and not deliberate):
            continue
        before = kinds.get((crash.line, crash.type))
        if before is None or (crash.vouched and not before[1].vouched):
            kinds[crash.line, crash.type] = one.arguments, crash
    for (line, kind), (arguments, crash) in sorted(kinds.items()):

        def same(candidate: Arguments, line: int = line, kind: str = kind, vouched: bool = crash.vouched) -> bool:
            again = judge.of(candidate, attempt)
            return again is not None and (again.line, again.type) == (line, kind) and (again.vouched or not vouched)

        best = judge.of(shrunk(space, arguments, same), attempt)
        found.crashes.append(best or crash)
    found.tried, found.late = search.tried, search.late
    if search.tried and search.unknown == search.tried:
        found.gave_up = search.why
    return found


class Judge:
    """Says of what came of calls whether it is a crash."""

    def __init__(self, source: str, function: Function, space: Space, expected: frozenset[str] = frozenset()) -> None:
        self._function = function
        self._space = space
        self._lines = source.split("\n")
        self._raises = raising_lines(source)
        self._taken = runtime_names(source)
        self._expected = expected | own_exceptions(source)

    def of(self, arguments: Arguments, attempt: Attempt) -> Crash | None:
        """The crash of a call that is yet to be evaluated."""
        call = self._space.call(arguments)
        return next((self.crash(arguments, call, called) for called in attempt([call])), None)

    def crash(self, arguments: Arguments, call: str, called: Called) -> Crash | None:
        """The crash that a call is, None where it is none."""
        outcome = called.outcome
        if outcome is None:
            return None
        found = _ending(outcome)
        if found is None:
            return None
        line, kind, message = found
        vouched = self._space.is_vouched(arguments)
        if kind in _OF_ENVIRONMENT or (kind in _WRONG_KIND and not vouched):
            return None
        if kind in ("KeyError", "IndexError") and self._function.name in _LOOKUPS:
            return None
        if not 0 < line <= len(self._lines) or _IGNORED.search(self._lines[line - 1]):
            return None
        deliberate = kind in self._expected or kind == "SystemExit" or is_deliberate(self._raises.get(line), kind)
        readable = with_imports(call, self._taken) if "__import__" in call else ""
        return Crash(self._function.qualname, call, line, kind, message, deliberate, vouched, readable)


def _ending(outcome: Outcome) -> tuple[int, str, str] | None:
    if outcome.kind == "endless" and outcome.loop is not None and outcome.loop.path is None:
        return outcome.loop.line, NEVER_ENDS, str(outcome.loop)
    if outcome.kind == "exception" and outcome.exception is not None and outcome.exception.line is not None:
        return outcome.exception.line, outcome.exception.type, outcome.exception.message
    return None


def raising_lines(source: str) -> dict[int, frozenset[str]]:
    """Lines of `raise` and `assert` statements → the exceptions that they raise on purpose; empty for any."""
    found: dict[int, frozenset[str]] = {}
    for fragment in parse(source).fragments:
        for node in (inner for statement in fragment.body for inner in ast.walk(statement)):
            names = _raised(node)
            if names is not None and isinstance(node, ast.stmt):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    found[line + fragment.offset] = names
    return found


def own_exceptions(source: str) -> frozenset[str]:
    """Exceptions that are not Python's own, by the names that a file has for them: somebody raises them on purpose."""
    found: set[str] = set()
    for node in (inner for one in module_statements(source) for inner in (one, *getattr(one, "body", ()))):
        match node:
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.ImportFrom(module=module, level=level):
                if level or (module or "").partition(".")[0] not in sys.stdlib_module_names:
                    found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found - vars(builtins).keys())


def _raised(node: ast.AST) -> frozenset[str] | None:
    match node:
        case ast.Assert():
            return frozenset({"AssertionError"})
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return frozenset({name}) if name[:1].isupper() else frozenset()
        case ast.Raise(exc=ast.Name(id=name) | ast.Attribute(attr=name)):
            return frozenset({name}) if name[:1].isupper() else frozenset()
        case ast.Raise(exc=None):
            return None  # it is raised again: where it comes from counts
        case ast.Raise():
            return frozenset()
    return None


def is_deliberate(raised: frozenset[str] | None, kind: str) -> bool:
    """Whether an exception of that type is what the statement at its line raises."""
    return raised is not None and (not raised or kind in raised)


def each(found: Iterable[Searched]) -> Iterator[Crash]:
    """The crashes of several functions of a file, one for each line and kind: of those that are called directly."""
    once: dict[tuple[int, str], Crash] = {}
    for searched in found:
        for crash in searched.crashes:
            key = (crash.line, crash.type)
            function = searched.function
            own = function.first_line <= crash.line <= function.last_line
            if key not in once or own:
                once[key] = crash
    yield from sorted(once.values(), key=lambda crash: (crash.line, crash.type))
