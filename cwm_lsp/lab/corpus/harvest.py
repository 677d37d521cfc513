"""Real functions with the calls of their doctests, recorded.

Importing and running foreign modules happens in a child process per package, with a time limit for each call and for
the whole; what a child has written when it ends is kept. `child` has that.
"""

# ruff: noqa: S311, SIM905

from __future__ import annotations

import ast
import contextlib
import doctest
import hashlib
import importlib
import io
import pkgutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.lab.corpus import values
from cwm_lsp.lab.corpus.disjoint import normalised
from cwm_lsp.lab.corpus.stream import DEEPEST, LONGEST_VALUE
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.record.decoder import RecordDecoder, outcome
from cwm_lsp.record.probe import Limits, trace_call
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import Trace

MOST_EVENTS = 60
LONGEST_TEXT = 4_000
"""Characters of a document: about what fits the context."""
LONGEST_CONTEXT = 1_200
"""Characters of the program that are shown, the traced function apart: about what the predictor gives it."""
PER_FUNCTION = 16
"""Most documents of one function, variations included."""

STANDARD = """
_pydecimal ast base64 bisect calendar collections colorsys configparser contextlib copy csv dataclasses datetime decimal
difflib doctest email enum fnmatch fractions functools genericpath gettext graphlib heapq html inspect ipaddress json
keyword locale mimetypes ntpath numbers operator os pathlib posixpath pprint quopri random re reprlib shlex shutil
statistics string stringprep tempfile textwrap token tokenize types typing urllib uuid zipfile
""".split()


def modules(package: str) -> Iterator[ModuleType]:
    """A package's modules, tests left out; those that cannot be imported are skipped."""
    try:
        top = importlib.import_module(package)
    except Exception:
        return
    yield top
    for info in pkgutil.walk_packages(getattr(top, "__path__", []), package + ".", onerror=lambda _: None):
        if any(part in info.name for part in ("test", "conftest", "__main__", "bench", "plot", "draw", "vendor")):
            continue
        # What a foreign module does at import is its own affair, exits included.
        with contextlib.suppress(BaseException):
            yield importlib.import_module(info.name)


def harvest(package: str) -> Iterator[dict[str, str]]:
    """Rows `{"text", "function", "package"}` of one package; `function` is a hash of the function's normalised text."""
    for module in modules(package):
        path = getattr(module, "__file__", None) or ""
        if not path.endswith(".py"):
            continue
        source = Path(path).read_text(encoding="utf-8", errors="replace")
        if len(source) > 400_000 or ">>>" not in source:
            continue
        for function in functions(source):
            if function.docstring and ">>>" in function.docstring and not function.is_async:
                body = "\n".join(source.split("\n")[function.first_line - 1 : function.last_line])
                if len(body) < LONGEST_TEXT * 0.75:
                    digest = hashlib.sha256(normalised(body).encode()).hexdigest()[:16]
                    for text in documents(module, path, source, function):
                        yield {"text": text, "function": digest, "package": package}


def documents(module: ModuleType, path: str, source: str, function: Function) -> Iterator[str]:
    """What the examples of one function's docstring, and variations of their arguments, do."""
    namespace = dict(module.__dict__)
    r = Random(function.qualname)
    made = 0
    try:
        examples = doctest.DocTestParser().get_examples(function.docstring or "")
    except ValueError:
        return
    for example in examples[:20]:
        call = example.source.strip()
        if made < PER_FUNCTION and is_call_of(call, function):
            for variation in (call, *variations(call, r)):
                text = document(namespace, path, source, function, variation)
                if text is not None:
                    made += 1
                    yield text
        with limited():
            exec(example.source, namespace)  # noqa: S102 - foreign code, in a child process


def document(
    namespace: dict[str, Any], path: str, source: str, function: Function, call: str, contexts: Sequence[str] = ()
) -> str | None:
    """The wire text of a call; None if it does not fit, is cut, or has nothing to tell.

    `contexts`: what may be shown of the program, if that is known already.
    """
    try:
        prompt = prepare(Task(path, source, function, call))
    except UserError:
        return None
    names = dict(namespace)
    name = prompt.first.function
    if prompt.wrapped:
        wrapper = "\n" * (prompt.def_line - 1) + f"def {name}():\n    return {call}\n"
        exec(compile(wrapper, path, "exec"), names)  # noqa: S102
    records: list[Any] = []
    end: dict[str, Any] = {}
    with limited():
        end = trace_call(
            f"{name}()" if prompt.wrapped else call,
            names,
            path,
            [(name, prompt.first.line)],
            limits=Limits(events=MOST_EVENTS, value=LONGEST_VALUE),
            emit=records.append,
        )
    if not end:
        return None
    events = tuple(RecordDecoder().events(records))
    ended = outcome(end)
    if ended.kind not in ("return", "exception") or len(events) < 3:
        return None
    if any(event.mark or event.depth > DEEPEST for event in events):
        return None
    trace = Trace(function.qualname, call, path, "recorded", prompt.source, events, ended)
    frames = wire.encode(trace)
    contexts = contexts or list(prompt.contexts())
    context = next((shown for shown in contexts if len(shown) <= LONGEST_CONTEXT), contexts[-1])
    text = f"{wire.BEGIN_OF_TEXT}{wire.TRACE_CONTEXT_START}{context}{wire.FRAME_SEP}{frames}{wire.END_OF_TEXT}"
    return None if len(text) > LONGEST_TEXT or "object at 0x" in text or path in frames else text


def is_call_of(text: str, function: Function) -> bool:
    """Whether an example is one expression in which the function is named."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return function.name in named or (function.name == "__init__" and (function.parent or "") in named)


def variations(call: str, r: Random, count: int = 3) -> Iterator[str]:
    """The call with one or two literals changed: another value of the type, or, at times, of another type."""
    for _ in range(count):
        tree = ast.parse(call, mode="eval")
        constants = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, (int, str))]
        if not constants:
            return
        for node in r.sample(constants, min(len(constants), r.choice((1, 1, 2)))):
            pick = r.random()
            if pick < 0.12:
                node.value = r.choice([None, "", 0, -1, "x", 1.5])
            elif isinstance(node.value, str):
                node.value = changed(node.value, r)
            elif isinstance(node.value, int) and not isinstance(node.value, bool):
                node.value = max(0, node.value + r.choice((-2, -1, 1, 2, 3))) if pick < 0.8 else abs(values.integer(r))
        yield ast.unparse(tree)


def changed(text: str, r: Random) -> str:
    """A string like this one: letters swapped, doubled or dropped, or another word."""
    pick = r.random()
    if len(text) < 2 or pick < 0.35:
        return r.choice(values.WORDS)
    cut = r.randrange(len(text))
    if pick < 0.6:
        return text[:cut] + text[cut + 1 :]
    if pick < 0.8:
        return text[cut:] + text[:cut]
    return text.swapcase() if pick < 0.9 else text + r.choice(values.WORDS)


class _TooSlowError(BaseException):
    """A call took too long. Not an `Exception`, so that foreign code does not swallow it."""


@contextlib.contextmanager
def limited(seconds: float = 1.0) -> Iterator[None]:
    """Runs foreign code: output thrown away, errors swallowed, ended after `seconds`."""

    def alarm(_number: int, _frame: Any) -> None:
        raise _TooSlowError

    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException:  # noqa: S110 - what foreign code raises is no error of ours
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
