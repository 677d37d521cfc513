"""The recorder inside the debuggee: one call, with `sys.settrace` or `sys.monitoring`.

Standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

if "." in __name__:
    from .framed import drive, framed
    from .recording import Recording
    from .scope import USUAL, Files, Limits, Stopped
    from .tracers import CALL_FILE, original_settrace, tracer
else:  # run by path, inside a debuggee that need not have the package
    from framed import drive, framed  # type: ignore[no-redef, import-not-found]
    from recording import Recording  # type: ignore[no-redef, import-not-found]
    from scope import USUAL, Files, Limits, Stopped  # type: ignore[no-redef, import-not-found]
    from tracers import CALL_FILE, original_settrace, tracer  # type: ignore[no-redef, import-not-found]

__all__ = ["Files", "Limits", "framed_trace", "naming_threads", "original_settrace", "trace_call"]

if TYPE_CHECKING:
    Record = list[Any]

_running: list[Recording] = []


def _name(recording: Recording, thread: Any) -> None:
    # The debugger's own do not count.
    if isinstance(thread, threading.Thread) and not getattr(thread, "pydev_do_not_trace", False):
        recording.name(thread.name)


@contextlib.contextmanager
def naming_threads(recording: Recording) -> Iterator[None]:
    """Tells the recording of every other thread that runs meanwhile.

    A trace function for threads would be seen, and in the way of the program's.
    """
    for thread in threading.enumerate():
        if thread.ident != recording.thread:
            _name(recording, thread)
    _running.append(recording)
    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    start = getattr(threading, name)

    def started(function: Any, *arguments: Any, **more: Any) -> Any:
        _name(recording, getattr(function, "__self__", None))
        return start(function, *arguments, **more)

    setattr(threading, name, started)
    try:
        yield
    finally:
        setattr(threading, name, start)
        _running.pop()


def framed_trace(
    call: str,
    namespace: dict[str, Any],
    filename: str,
    targets: Collection[tuple[str, int]],
    *,
    workspace: str | None = None,
    limits: Limits = USUAL,
    emit: Callable[[Record], None],
    stop: Callable[[dict[str, Any]], None],
    done: Callable[[dict[str, Any]], None],
    before: str = "",
) -> Callable[..., None]:
    """A function that records one call in this process; its own frame is the first of the program's.

    `call` is an expression evaluated in `namespace`, after the statements `before`; `filename` is the `co_filename` of
    the code to be traced; `targets` has `(co_name, co_firstlineno)` of the function whose activation is the trace, for
    each definition that it may have; `workspace` is the folder whose other files are to be traced as well. `done` is
    given the end of the trace. The function can be `sys.excepthook`, which is called from no other frame.
    """
    recording = Recording(Files(filename, workspace), targets, limits, emit, stop)
    names, feeds = naming_threads(recording), tracer(recording)
    future = getattr(namespace.get("annotations"), "compiler_flag", 0)  # as the module's own statements have it
    preparing = compile(before, CALL_FILE, "exec", future, dont_inherit=True)
    around = contextlib.ExitStack()

    def start() -> None:
        if getattr(sys.excepthook, "__globals__", None) is namespace:
            sys.excepthook = sys.__excepthook__
            for name in ("last_type", "last_value", "last_traceback", "last_exc"):
                vars(sys).pop(name, None)
        exec(preparing, namespace)  # noqa: S102
        around.push(names)
        names.__enter__()
        around.push(feeds)
        feeds.__enter__()  # from here: it counts the frames above

    def end() -> None:
        around.close()
        done(recording.close(sys.exc_info()[1]))

    return framed(call, namespace, start, lambda: recording.end is not None, drive, end)


def trace_call(
    call: str,
    namespace: dict[str, Any],
    filename: str,
    targets: Collection[tuple[str, int]],
    *,
    limits: Limits = USUAL,
    emit: Callable[[Record], None],
) -> dict[str, Any]:
    """Records one call as `framed_trace` does and gives the end; a limit is enforced by an exception in the program."""
    ends: list[dict[str, Any]] = []

    def raise_stopped(end: dict[str, Any]) -> None:
        raise Stopped

    run = framed_trace(
        call, namespace, filename, targets, limits=limits, emit=emit, stop=raise_stopped, done=ends.append
    )
    with contextlib.suppress(BaseException):
        run(None, None, None)
    return ends[0]


def _forked() -> None:
    for recording in _running:
        recording.detach()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
