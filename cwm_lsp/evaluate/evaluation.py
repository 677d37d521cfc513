"""One evaluation: a thread that interprets, and the iterator through which its steps come."""

from __future__ import annotations

import ast
import ctypes
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from cwm_lsp.evaluate.interpreter import Interpreter
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.questions import Answer, Question
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.scopes import Scope
from cwm_lsp.evaluate.values import GaveUp, Overdue, Undetermined, Unknown
from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome

STACK = 256 * 2**20
"""Bytes of stack for the interpreting thread; only what is touched is ever used."""
RECURSION = 40_000
"""Python frames that the deepest allowed nesting of calls may need."""
PATIENCE = 1.0
"""Seconds beyond the limit after which library code is interrupted."""
CHUNK = 256
"""Events handed over at once."""
_recursion = threading.Lock()
_running = 0


class Evaluation:
    """The steps of one call, in order: iterate over it once.

    Raises SyntaxError if `source` or `call` does not parse, KeyError if `function` is not in the file.
    """

    def __init__(
        self,
        source: str,
        call: str,
        function: str | None = None,
        *,
        limits: Limits | None = None,
        module: str = "__main__",
    ) -> None:
        self.outcome: Outcome | None = None
        """How the call ended, once the steps are through: also where the trace became too long to be shown whole."""
        self.gave_up: str | None = None
        """Why the evaluation ended before the call did."""
        self.limits = limits or Limits()
        self._steps: queue.SimpleQueue[list[Event | Question | None]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._pending: list[Event | Question | None] = []
        self.runtime = Runtime(self.limits, self._emit, self._ask)  # before anything can fail: `close` needs it
        self.tree = ast.parse(source)
        self.call = ast.parse(call.strip(), mode="eval")
        self.interpreter = Interpreter(self.runtime, self.tree, module)
        self._risen: tuple[str | None, int, int | None] = (None, 0, None)
        """The latest exception: its value, the depth it has risen to, the line it was raised at."""
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._counted = False
        """It is among those that need the higher recursion limit."""
        self._function = function
        self._target_scope: Scope | None = None
        if function is not None:
            self.runtime.target = self.interpreter.code_of(self._find(function))

    def _find(self, qualname: str) -> ast.AST:
        plain = qualname.replace(".<locals>.", ".")
        for node, scope in self.interpreter.scopes.items():
            if scope.kind == "function" and scope.qualname.replace(".<locals>.", ".") == plain:
                return node
        for statement in self.tree.body:
            if (
                isinstance(statement, ast.Assign)
                and isinstance(statement.value, ast.Lambda)
                and any(isinstance(target, ast.Name) and target.id == qualname for target in statement.targets)
            ):
                return statement.value
        raise KeyError(qualname)

    # the consumer's side

    def __iter__(self) -> Iterator[Event | Question]:
        if self._thread is None:
            with _recursion:
                before = threading.stack_size(STACK)
                try:
                    self._thread = threading.Thread(target=self._work, name="evaluation", daemon=True)
                    self._thread.start()
                finally:
                    threading.stack_size(before)
        try:
            while True:
                for step in self._next_steps():
                    if step is None:
                        if self._error is not None:
                            raise self._error
                        return
                    yield step
        finally:
            self.close()

    def _next_steps(self) -> list[Event | Question | None]:
        """What the interpreter hands over next; library code that runs for too long is ended."""
        while True:
            left = max(self.runtime.deadline - time.monotonic(), 0) + PATIENCE
            try:
                return self._steps.get(timeout=left)
            except queue.Empty:
                if time.monotonic() > self.runtime.deadline and not self.runtime.closed:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self.runtime.thread), ctypes.py_object(Overdue)
                    )

    def answer(self, answer: Answer) -> None:
        """Answer the question that was the last step."""
        self._answers.put(answer)

    def close(self) -> None:
        """End the evaluation early."""
        if not self.runtime.cancelled:
            self.runtime.cancelled = True
            self._answers.put(None)

    def __enter__(self) -> Evaluation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    # the interpreter's side

    def _emit(self, event: Event) -> None:
        if event.kind == "exception":
            value, depth, line = self._risen
            rises = value == event.value and depth == event.depth + 1
            self._risen = event.value, event.depth, line if rises else event.line
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

    def _work(self) -> None:
        global _running
        with _recursion:
            _running += 1
            self._counted = True
            depth = sys.getrecursionlimit()
            sys.setrecursionlimit(max(depth, RECURSION))
        try:
            self._evaluate()
        except BaseException as error:  # a fault of the interpreter: the consumer's thread raises it
            self._error = error
        finally:
            last: list[Callable[[], None]] = [self._let_go, lambda: self._leave(depth), self._end]
            while last:
                with suppress(Overdue):  # may still have been on its way
                    last[0]()
                    del last[0]

    def _leave(self, depth: int) -> None:
        """Restore the recursion limit after the last evaluation."""
        global _running
        with _recursion:
            if self._counted:
                self._counted = False
                _running -= 1
            if not _running:
                sys.setrecursionlimit(depth if depth < RECURSION else 1000)

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

    def _evaluate(self) -> None:
        runtime, interpreter = self.runtime, self.interpreter
        runtime.thread = threading.get_ident()
        try:
            interpreter.load()
            runtime.started = True
            value = interpreter.evaluate(self.call.body)
            if not runtime.finished:
                self.gave_up = (
                    "what is called is not known" if type(value) is Unknown else "the call does not enter the function"
                )
        except GaveUp as error:
            self.gave_up = str(error)
        except Undetermined:
            self.gave_up = "the arguments are not known"
        except BaseException as error:
            if runtime.finished:
                self.outcome = Outcome("exception", exception=self._exception(error))
                self.gave_up = runtime.muted
            else:
                self.gave_up = f"the call fails before it enters the function: {type(error).__name__}: {error}"
        if runtime.finished and self.outcome is None:
            self._conclude()

    def _conclude(self) -> None:
        """The traced call has returned."""
        self.gave_up = self.runtime.muted
        if self.runtime.returned is not None:
            self.outcome = Outcome("return", value=self.runtime.returned[0])

    def _exception(self, error: BaseException) -> ExceptionInfo:
        try:
            with self.runtime.untraced():
                message = str(error)
        except (Exception, Undetermined, GaveUp):
            message = ""
        return ExceptionInfo(type(error).__name__, message, self._risen[2])
