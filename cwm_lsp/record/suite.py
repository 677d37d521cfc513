"""A project's tests, run once with a recorder beside them: of each function the first calls that they make are kept.

The tests run in the user's interpreter as ever, with one plugin of pytest more (`injected/cwm_lsp_recording.py`), which
writes what it sees. What is kept is traces as `record` makes them; each activation within one is a trace of its own.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.record.decoder import RecordDecoder, many_made, outcome
from cwm_lsp.record.store import TraceStore
from cwm_lsp.source.bind import bind, class_names
from cwm_lsp.source.environment import interpreter, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, Parameter, functions
from cwm_lsp.source.recovery import parse
from cwm_lsp.trace.events import NOTHING, Event, ExceptionInfo, Outcome, Stats, Trace
from cwm_lsp.trace.exceptions import described

MOST = 3
"""Calls of one function that are kept."""
FOLDER, WORKSPACE = "CWM_LSP_RECORDINGS", "CWM_LSP_WORKSPACE"
"""The variables that tell the plugin where to write, and whose functions are recorded."""
_INJECTED = Path(__file__).parent / "injected"
_LITERALS = (
    ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd, ast.BinOp,
    ast.Add, ast.Sub, ast.Load, ast.keyword, ast.Call, ast.Name, ast.Attribute, ast.Starred,
)  # fmt: skip
_ENUM = re.compile(r"<(?P<member>[^\W\d]\w*\.[^\W\d]\w*): [^<>]*>")
_CLASS = re.compile(r"<class '(?:[\w.]+\.)?(?P<name>[^\W\d]\w*)'>")
_OBJECT = re.compile(r"<(?:[\w.]+\.)?(?P<name>[^\W\d]\w*) object>")
_STAND_IN = "object()"
"""For an object, until it has a name."""
_BUILTIN = frozenset({"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object",
                      "range", "set", "str", "tuple", "type"})  # fmt: skip


_Progress = Callable[[], AbstractContextManager[Callable[[], None]]]


@contextlib.contextmanager
def _unseen() -> Iterator[Callable[[], None]]:
    yield lambda: None


@dataclass(frozen=True, slots=True)
class Kept:
    """What has come of recording a suite."""

    functions: int
    """Functions that have a recorded call now."""
    calls: int
    usable: int
    """Functions with a call that can be written, and so predicted and run again."""

    def to_json(self) -> dict[str, int]:
        return {"functions": self.functions, "calls": self.calls, "usable": self.usable}


def run(
    arguments: Sequence[str], here: Path, python: Path | None, keeping: _Progress = _unseen, *, quiet: bool = False
) -> tuple[int, Kept]:
    """Run pytest with these arguments in the folder `here` and keep what was recorded; pytest's exit code.

    What pytest prints is printed, if `quiet` on standard error; `keeping` shows how far its calls are kept. Raises
    `UnavailableError` where the interpreter has no pytest.
    """
    program = interpreter(here.absolute() / "conftest.py", python)
    if subprocess.run([program, "-c", "import pytest"], cwd=here, capture_output=True, check=False).returncode:  # noqa: S603
        raise UnavailableError(f"{program} has no pytest; install it there, or name another one by --python")
    workspace = project(here.absolute() / "program.py")
    with tempfile.TemporaryDirectory(prefix="cwm-lsp-") as folder:
        found = filter(None, (str(_INJECTED), os.environ.get("PYTHONPATH")))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(found),
            FOLDER: folder,
            WORKSPACE: str(workspace),
        }
        command = [str(program), "-m", "pytest", "-p", "cwm_lsp_recording", *arguments]
        process = subprocess.Popen(command, cwd=here, env=environment, stdout=2 if quiet else None)  # noqa: S603
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:  # pytest has it, too, and comes to its end
                continue
        with keeping() as step:
            return code, keep(Path(folder), step)


def keep(folder: Path, step: Callable[[], None] = lambda: None) -> Kept:
    """Keep what the plugin has written to a folder; `step` is called for each call that was read."""
    counts: Counter[tuple[str, str]] = Counter()
    usable = set()
    by_store: dict[Path, list[Trace]] = defaultdict(list)
    for trace in _traces(folder):
        step()
        key = trace.path, trace.function
        if counts[key] < MOST:
            counts[key] += 1
            by_store[project(Path(trace.path))].append(trace)
            if trace.call:
                usable.add(key)
    for workspace, traces in by_store.items():
        TraceStore(workspace).add_all(traces)
    return Kept(len(counts), sum(counts.values()), len(usable))


def _traces(folder: Path) -> Iterator[Trace]:
    """The traces of the rows in a folder, those of the calls themselves first."""
    within = []
    for row in _rows(folder):
        with many_made():
            events = tuple(RecordDecoder().events(row["records"]))
        trace = _trace(row["path"], events, outcome(row["records"][-1][1]), row.get("made"), row.get("state"))
        if trace is not None:
            yield trace
            within.append(trace)
    for trace in within:
        for start, end in _activations(trace.events):
            inner = _inner(trace, start, end)
            if inner is not None:
                yield inner


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # a process that ended in the middle has half a row
                    yield json.loads(line)


def _trace(
    path: str,
    events: Sequence[Event],
    end: Outcome,
    made: Mapping[str, Any] | None = None,
    state: Mapping[str, str] | None = None,
) -> Trace | None:
    """The trace of events that begin with the call of a function of the file, None where the file has none there.

    `made` is how the object was made that a method is called on, `state` what it holds (see `sampling`).
    """
    try:
        source = read_source(Path(path))
    except UserError:
        return None
    function = _by_line(source).get((events[0].line, events[0].function)) if events else None
    if function is None:
        return None
    shown = dict(events[0].locals)
    if made is not None and made["path"] == path:
        maker = _by_line(source).get((made["line"], "__init__"))
        shown["self"] = (maker and written(maker, made["locals"], source, made["class"])) or ""
    call = written(function, shown, source) or (state and _written_of(function, shown, source, state))
    call = call or _written_with_objects(function, events[0], source) or ""
    return Trace(function.qualname, call, path, "recorded", source, tuple(events), end, Stats(len(events)))


@lru_cache(maxsize=64)
def _by_line(source: str) -> Mapping[tuple[int, str], Function]:
    return {(one.first_line, one.name): one for one in functions(source) if not (one.is_generator or one.is_async)}


def _activations(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Where the scopes within a trace begin and end."""
    begun: list[int] = []
    for index, event in enumerate(events):
        if event.kind == "call":
            del begun[event.depth :]
            begun += [index] * (event.depth + 1 - len(begun))
        elif event.kind == "return" and 0 < event.depth < len(begun):
            start = begun[event.depth]
            if (events[start].depth, events[start].function) == (event.depth, event.function):
                yield start, index + 1
            del begun[event.depth :]


def _inner(trace: Trace, start: int, end: int) -> Trace | None:
    first = trace.events[start]
    path = first.path or trace.path

    def own(event: Event) -> Event:
        file = event.path or trace.path
        return replace(event, depth=event.depth - first.depth, path=None if file == path else file)

    events = [own(event) for event in trace.events[start:end]]
    return _trace(path, events, _end_of(events))


def _end_of(events: Sequence[Event]) -> Outcome:
    """How the call of these events ended, of which the last is that it was left."""
    own = [event for event in events if event.depth == 0]
    if len(own) < 2 or own[-2].kind != "exception":
        return Outcome("return", events[-1].value)
    kind, message = described(own[-2].value or "")
    line = own[-2].line
    for event in reversed(events[:-1]):  # it passed through the scopes that were left before this one
        if event.kind not in ("exception", "return"):
            break
        if event.kind == "exception" and event.path is None:
            line = event.line
    return Outcome("exception", exception=ExceptionInfo(kind.rpartition(".")[2], message, line))


def written(
    function: Function,
    shown: Mapping[str, str],
    source: str,
    made: str | None = None,
    steps: Mapping[str, Sequence[str]] = NOTHING,
) -> str | None:
    """The call that gives a function these arguments, as source; None where that cannot be written. Of an `__init__`,
    `made` is the class of the object, by default its own. `steps` make variables, by their names; they come first."""
    parameters = list(function.parameters)
    callee = function.qualname
    if function.name == "__init__" and function.parent:
        parameters, callee = parameters[1:], made or function.parent
    elif function.kind in ("method", "property"):
        receiver = _source_of(shown.get(parameters[0].name, ""), source, steps) if parameters else None
        if receiver is None:
            return None
        parameters, callee = parameters[1:], f"{receiver}.{function.name}"
    elif function.kind == "classmethod":
        parameters = parameters[1:]
    arguments: list[str] = []
    has_gap = False
    for parameter in parameters:
        text = _source_of(shown.get(parameter.name, ""), source, steps)
        if text is not None:
            arguments += _passed(parameter, text, by_name=has_gap)
        elif parameter.default is not None:  # most likely it has that: objects that mark absence have no source
            has_gap = True
        else:
            return None
    call = callee if function.kind == "property" else f"{callee}({', '.join(arguments)})"
    call = "\n".join([*(line for lines in steps.values() for line in lines), call])
    if made is not None and made != function.parent:  # it has inherited this
        return call
    try:
        return bind(call, function, source).expression
    except UserError:
        return None


def _written_of(function: Function, shown: Mapping[str, str], source: str, state: Mapping[str, str]) -> str | None:
    """The same of a method, on an object of the file's own class that is made anew and given its attributes."""
    attributes = _source_of(state["attributes"], source)
    if state["class"] not in class_names(source) or attributes is None or function.kind not in ("method", "property"):
        return None
    call = written(function, {**shown, "self": _STAND_IN}, source, state["class"])
    if call is None or not call.startswith(_STAND_IN):
        return None
    made = f"self = object.__new__({state['class']})"
    given = [f"self.__dict__.update({attributes})"] if attributes != "{}" else []
    return "\n".join([made, *given, f"self{call.removeprefix(_STAND_IN)}"])


def _written_with_objects(function: Function, first: Event, source: str) -> str | None:
    """The same with objects of the file's own classes, made anew and given the attributes that the run saw."""
    shown, steps = dict(first.locals), dict[str, list[str]]()
    for parameter in function.parameters[function.name == "__init__" :]:
        held = first.held.get(parameter.name)
        if held is not None and _source_of(shown[parameter.name], source) is None:
            made = _made(ast.parse(held, mode="eval").body, _free(parameter.name, source), source, steps)
            shown[parameter.name] = made or shown[parameter.name]
    return written(function, shown, source, steps=steps) if steps else None


def _made(node: ast.expr, name: str, source: str, steps: dict[str, list[str]]) -> str | None:
    """An expression for a value that is described as `insides` does. What makes its objects is added to `steps`, the
    inner ones first, under the names of the variables that they get."""

    def parts(nodes: Sequence[ast.expr]) -> list[str] | None:
        found = [_made(one, f"{name}_{number}", source, steps) for number, one in enumerate(nodes)]
        return None if None in found else [text for text in found if text is not None]

    match node:
        case ast.Call(ast.Name("object"), [ast.Constant(str(text)), *_], attributes):
            kind = _OBJECT.fullmatch(text)
            if kind is None or kind["name"] not in _plain_classes(source):
                return None
            given = {one.arg: _made(one.value, f"{name}_{one.arg}", source, steps) for one in attributes}
            if None in given.values():
                return None
            told = ", ".join(f"{attribute!r}: {text}" for attribute, text in given.items())
            steps[name] = [f"{name} = object.__new__({kind['name']})", f"{name}.__dict__.update({{{told}}})"]
            return name
        case ast.List(elts=elements):
            inner = parts(elements)
            return None if inner is None else f"[{', '.join(inner)}]"
        case ast.Dict(keys=keys, values=values):
            inner = parts(values)
            if inner is None:
                return None
            shown = [ast.unparse(key) for key in keys if key is not None]
            return "{" + ", ".join(map(": ".join, zip(shown, inner, strict=True))) + "}"
    return _source_of(ast.unparse(node), source)


@lru_cache(maxsize=64)
def _plain_classes(source: str) -> frozenset[str]:
    """The classes at the top level of a file whose objects are their attributes and nothing else."""
    plain = {"object"}
    for fragment in parse(source).fragments:
        for node in fragment.body:
            if isinstance(node, ast.ClassDef) and not node.keywords:
                bound = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
                bound |= {one.id for part in node.body for one in ast.walk(part) if isinstance(one, ast.Name)}
                is_plain = bound.isdisjoint({"__slots__", "__new__"})
                if is_plain and all(isinstance(base, ast.Name) and base.id in plain for base in node.bases):
                    plain.add(node.name)
    return frozenset(plain - {"object"})


def _free(name: str, source: str) -> str:
    """The name, or one like it, that is no variable of the module's."""
    bound = rf"^(?:async\s+)?(?:def|class)\s+{name}\b|^{name}\s*[:=]|\bimport\b.*\b{name}\b"
    return f"{name}_" if re.search(bound, source, re.MULTILINE) else name


def _passed(parameter: Parameter, text: str, *, by_name: bool) -> Iterable[str]:
    """An argument's text as it is written in a call, `by_name` where one before it is left out."""
    if parameter.kind == "var-positional":
        return map(ast.unparse, getattr(ast.parse(text, mode="eval").body, "elts", ()))
    if parameter.kind == "var-keyword":
        return [f"**{text}"] if text != "{}" else []
    named = parameter.kind == "keyword-only" or (by_name and parameter.kind == "positional-or-keyword")
    return [f"{parameter.name}={text}"] if named else [text]


def _source_of(shown: str, source: str, names: Collection[str] = ()) -> str | None:
    """A repr as the source of an equal value, None where it is none: of literals, of enumerations' members, of classes,
    of the constructors of the file's own classes and of builtin ones, and of variables of these names."""
    text = _CLASS.sub(r"\g<name>", _ENUM.sub(r"\g<member>", shown))
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    classes = class_names(source) | _BUILTIN | {*names}
    for node in ast.walk(tree):
        if not isinstance(node, _LITERALS) or (isinstance(node, ast.Constant) and node.value is ...):
            return None
        if isinstance(node, ast.Name) and node.id not in classes:
            return None
    return text
