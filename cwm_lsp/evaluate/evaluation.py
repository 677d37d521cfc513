"""One evaluation: a thread that interprets, and the iterator through which its steps come."""

from __future__ import annotations

import ast
import ctypes
import decimal
import functools
import gc
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from cwm_lsp.evaluate import deep
from cwm_lsp.evaluate.clock import of_this_thread
from cwm_lsp.evaluate.interpreter import Interpreter
from cwm_lsp.evaluate.layout.folding import folded
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.observed import FAILS_BEFORE
from cwm_lsp.evaluate.parsing import TREES, Parsed, parsed
from cwm_lsp.evaluate.questions import Answer, Question
from cwm_lsp.evaluate.rendering import ADDRESS
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.values import Exhausted, GaveUp, Left, Overdue, Undetermined, Unknown, too_much
from cwm_lsp.evaluate.visiting import Visits
from cwm_lsp.evaluate.world import Around
from cwm_lsp.source.functions import find, namesakes, told_syntax_error
from cwm_lsp.source.prepared import Prepared, read_call
from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome
from cwm_lsp.trace.facts import NOT_ENTERED
from cwm_lsp.trace.interventions import Intervention, Look, Looked

RECURSION = 40_000
"""Python frames that the deepest allowed nesting of calls may need."""
PATIENCE = 1.0
"""Seconds of the processor beyond the limit after which library code is interrupted."""
_LOOK = 0.25
"""Seconds between two looks at an interpreter that tells nothing."""
GARBAGE, USUAL = 50_000, 700
"""Objects between two looks for garbage, while there is an evaluation and else: events are none."""
CHUNK = 256
"""Events handed over at once."""
FOLLOWED = 3, 10
"""The oldest Python whose steps are told as facts: an older one comes to other lines of `try` and `with`."""
UNKNOWN_RETURN = "what it returns is not known"
_recursion = threading.Lock()
_running = 0


class Errand:
    """Something that the interpreting thread has the consumer's thread do."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.seconds = 0.0
        """That it took of the processor."""

    def run(self) -> None:
        """Do it, within the recursion limit of an ordinary stack."""
        clock = of_this_thread()
        began = clock()
        with _recursion:
            limit = sys.getrecursionlimit()
            with suppress(RecursionError):  # the stack is deeper than that already
                sys.setrecursionlimit(1000)
            try:
                self.result = self.work()
            except BaseException as error:
                self.error = error
            finally:
                sys.setrecursionlimit(limit)
                self.seconds = clock() - began


class Evaluation:
    """The steps of one call, in order: iterate over it once.

    The trace is the first activation of `function`, which is a name as `source.functions.find` takes it, whichever of
    the definitions of that name is entered. Raises SyntaxError if `source` or `call` does not parse,
    UserError if the file has no such function.

    What comes after `interventions` follows from them; a change that cannot be made ends the evaluation. With `looks`,
    it ends after the last of them, or after one that may have changed something: `looked` has what came of them. Both
    are in the order of steps.
    """

    def __init__(
        self,
        source: str,
        call: str,
        function: str | None = None,
        *,
        limits: Limits | None = None,
        module: str = "__main__",
        around: Around | None = None,
        interventions: Sequence[Intervention] = (),
        looks: Sequence[Look] = (),
    ) -> None:
        self._begin(limits)
        self.runtime = Runtime(
            self.limits, self._emit, self._ask, self._elsewhere
        )  # before anything can fail: `close` needs it
        self.tree, scopes, _ = parsed_file(source)
        self.call = prepared(call)
        around_it = around.world(source) if around is not None else None
        self.interpreter = Interpreter(self.runtime, self.tree, module, around_it, scopes=scopes)
        self.runtime.program = f"{source}\n{call}"
        if interventions or looks:
            self.runtime.visits = Visits(self.interpreter, interventions, looks, self.looked.append)
        if function is not None:
            meant = namesakes(source, find(source, function, "the file"))
            nodes = definitions(self.tree)
            self.runtime.targets = {self.interpreter.code_of(nodes[one.def_line, one.name]) for one in meant}

    def _begin(self, limits: Limits | None) -> None:
        self.outcome: Outcome | None = None
        """How the call ended, once the steps are through: also where the trace became too long to be shown whole."""
        self.gave_up: str | None = None
        """Why the evaluation ended before the call did."""
        self.exhausted = False
        """That was for want of time or memory: there is no use in going on by other means."""
        self.looked: list[Looked] = []
        """What came of the looks, in order, once it is through."""
        self.limits = limits or Limits()
        self._steps: queue.SimpleQueue[list[Event | Question | Errand | None]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._pending: list[Event | Question | Errand | None] = []
        self._error: BaseException | None = None
        self._begun = False
        self._ended = False
        """It is not to be interrupted any more."""
        self._ending = threading.Lock()
        self._counted = False
        """It is among those that need the higher recursion limit."""

    # the consumer's side

    def __iter__(self) -> Iterator[Event | Question]:
        if not self._begun:
            self._begun = True
            deep.run(self._work, self._end)
        try:
            while True:
                steps = self._next_steps()
                last = steps.pop()  # what is handed over ends with whatever is no event
                yield from cast("list[Event]", steps)
                if isinstance(last, Errand):
                    last.run()
                    self._errands.put(last)
                elif last is not None:
                    yield last
                elif self._error is not None:
                    raise self._error
                else:
                    return
        finally:
            self.close()

    def _next_steps(self) -> list[Event | Question | Errand | None]:
        """What the interpreter hands over next; library code that runs for too long is ended."""
        while True:
            try:
                return self._steps.get(timeout=_LOOK)
            except queue.Empty:
                with self._ending:  # until then its clock goes
                    if self._ended or self.runtime.clock() <= self.runtime.deadline + PATIENCE:
                        continue
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self.runtime.thread), ctypes.py_object(Overdue)
                    )

    @property
    def reads(self) -> tuple[str, ...]:
        """The other files that were interpreted so far, but for the library's, and what the program has asked for of
        the disk, there or not: what is told depends on them."""
        imports = self.interpreter.imports
        return tuple(dict.fromkeys((*imports.own, *imports.files.asked)))

    def answer(self, answer: Answer) -> None:
        """Answer the question that was the last step."""
        self._answers.put(answer)

    def close(self) -> None:
        """End the evaluation early."""
        if not self.runtime.cancelled:
            self.runtime.cancelled = True
            self._answers.put(None)
            self._errands.put(None)

    def __enter__(self) -> Evaluation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    # the interpreter's side

    def _emit(self, event: Event) -> None:
        self._pending.append(event)
        if len(self._pending) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._steps.put(self._pending)
        self._pending = []

    def _ask(self, question: Question) -> Any:
        self._pending.append(question)
        self._flush()
        answer = self._answers.get()
        if self.runtime.cancelled:
            raise GaveUp("cancelled")
        return answer

    def _elsewhere(self, work: Callable[[], Any]) -> Any:
        """Have the consumer's thread do something: two threads that parse at the same time disturb each other, before
        Python 3.13."""
        if threading.get_ident() != self.runtime.thread:
            return work()
        before = self.runtime.clock()
        self._pending.append(Errand(work))
        self._flush()
        done = self._errands.get()
        if done is None or self.runtime.cancelled:
            raise GaveUp("cancelled")
        self.runtime.deadline -= done.seconds - (self.runtime.clock() - before)  # as if this thread had done it
        if done.error is not None:
            raise done.error
        return done.result

    def _work(self) -> None:
        global _running
        if self._ended:
            return
        with _recursion:
            _running += 1
            self._counted = True
            depth, garbage = sys.getrecursionlimit(), gc.get_threshold()
            sys.setrecursionlimit(max(depth, RECURSION))
            gc.set_threshold(garbage[0] and max(garbage[0], GARBAGE), *garbage[1:])
        try:
            self._evaluate()
        except BaseException as error:  # a fault of the interpreter: the consumer's thread raises it
            self._error = error
        finally:
            last: list[Callable[[], None]] = [self._settle, self._let_go, lambda: self._leave(depth, garbage)]
            while last:
                with suppress(Overdue):  # may still have been on its way
                    last[0]()
                    del last[0]

    def _settle(self) -> None:
        """From here on the thread is not interrupted: it goes on with another evaluation."""
        with self._ending:
            self._ended = True

    def _leave(self, depth: int, garbage: tuple[int, int, int]) -> None:
        """Give up the clock; after the last evaluation, also the recursion limit and the rare looks for garbage."""
        global _running
        self.runtime.rest()
        with _recursion:
            if self._counted:
                self._counted = False
                _running -= 1
            if not _running:
                sys.setrecursionlimit(depth if depth < RECURSION else 1000)
                gc.set_threshold(USUAL if garbage[0] == GARBAGE else garbage[0], *garbage[1:])

    def _end(self) -> None:
        """Tell the consumer that there is no more."""
        self._pending.append(None)
        self._flush()

    def _let_go(self) -> None:
        """Give up the program's values here, where the stack is deep enough to take apart whatever they are."""
        self.runtime.closed = True
        self.interpreter.namespace.clear()
        self.interpreter.imports.modules.clear()
        self.interpreter.calls.made.clear()
        self.runtime.poisoned.clear()
        self.runtime.frame = None

    def _load(self) -> None:
        """Interpret the file's top level, with decimal arithmetic as a process begins with it: that is the thread's."""
        decimal.setcontext(decimal.Context())
        self.interpreter.load()

    def _evaluate(self) -> None:
        runtime, interpreter = self.runtime, self.interpreter
        runtime.begin()
        try:
            self._load()
            interpreter.prepare(self.call.before)
            runtime.started = True
            runtime.followed = runtime.target >= FOLLOWED and interpreter.imports.world.finder.own.version is not None
            value = interpreter.evaluate(self.call.expression)
            interpreter.asynchronous.drive(value)
            known = type(value) is not Unknown and runtime.certain
            self.gave_up = NOT_ENTERED if known else "what is called is not known"
        except GaveUp as error:  # also `Left`
            self.gave_up = str(error)
            self.exhausted = isinstance(error, Exhausted)
        except Undetermined:
            self.gave_up = "the arguments are not known"
        except MemoryError as error:
            self.gave_up, self.exhausted = str(too_much(error)), True
        except BaseException as error:
            self.gave_up = f"{FAILS_BEFORE}: {type(error).__name__}: {error}"
        if runtime.muted is not None and runtime.tainted:
            self.gave_up = runtime.muted  # no step tells that how it ends is no fact
        elif runtime.left is not None:
            self.gave_up = runtime.muted
            self.outcome = replace(self._outcome(runtime.left), cut=runtime.muted)
        elif runtime.loop is not None:
            self.gave_up = None
            self.outcome = Outcome("endless", detail=str(runtime.loop), loop=runtime.loop)

    def _outcome(self, end: Left) -> Outcome:
        """How the traced function was left."""
        if end.error is None:
            return Outcome("return", value=end.value, detail=None if end.value is not None else UNKNOWN_RETURN)
        try:
            with self.runtime.untraced():
                message = ADDRESS.sub("", str(end.error))
        except (Exception, Undetermined, GaveUp):
            message = ""
        return Outcome("exception", exception=ExceptionInfo(type(end.error).__name__, message, self.runtime.raised_at))


def parsed_file(source: str) -> Parsed:
    """As `parsed`, of the file that a call is in: the SyntaxError says what can be done."""
    try:
        return parsed(source)
    except SyntaxError as error:
        raise SyntaxError(f"the file {told_syntax_error(f'line {error.lineno}: {error.msg}')}") from None


def prepared(call: str) -> Prepared:
    """A call in parts, as CPython 3.11 compiles them. Raises SyntaxError if it does not parse."""
    read = read_call(call)
    return Prepared(folded(ast.Module(list(read.before), [])).body, folded(ast.Expression(read.expression)).body)


@functools.lru_cache(maxsize=TREES)
def definitions(tree: ast.Module) -> dict[tuple[int, str], ast.AST]:
    """The functions of a file by the line of their definition and their name, lambdas by what they are assigned to."""
    found: dict[tuple[int, str], ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.lineno, node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Lambda):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found[node.lineno, target.id] = node.value
    return found
