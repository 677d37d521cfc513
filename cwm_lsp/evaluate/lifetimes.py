"""What an exception on its way keeps alive.

CPython ends a generator as soon as the last reference to it goes, and the end of one that is suspended shows in the
trace. A traceback holds the frames of the program, and with them their variables; the interpreter's own frames are in
it too and have to go from it when the value stack of a frame of the program would be unwound.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from cwm_lsp.evaluate.values import Ticker

PACKAGE = str(Path(__file__).parent)
FRAMES: set[CodeType] = set()
"""Code of the interpreter that stands for a frame of the program, and keeps its variables."""
HANDLING = frozenset(str(Path(__file__).with_name(f"{name}.py")) for name in ("protected", "generators", "groups"))
"""Where the `except`, `finally` and `with` of the program are carried out."""
STANDING_IN = frozenset(str(Path(__file__).with_name(f"{name}.py")) for name in ("everyday", "reading"))
"""Where what stands for code of the library is: it raises what that raises."""
RAISING: set[CodeType] = set()
"""Code that raises what the program itself raises."""
LOOPS = frozenset({"iterating", "delegating", "managing"})
"""Names of what holds the iterator of a loop or a manager, which stays on the value stack until an exception has been
shown."""


def _traceback() -> Any:
    try:
        raise LookupError
    except LookupError as error:
        return error.__traceback__


EMPTY = _traceback()
"""A traceback that keeps nothing alive."""
RAISING.add(EMPTY.tb_frame.f_code)


def place(error: BaseException, line: int) -> int:
    """The line of the program at which an exception was raised first: `line`, if none is in its traceback yet."""
    trace = error.__traceback__
    while trace is not None:
        if is_place(trace):
            return trace.tb_lineno
        trace = trace.tb_next
    error.__traceback__ = TracebackType(error.__traceback__, EMPTY.tb_frame, EMPTY.tb_lasti, line)
    return line


def is_place(trace: TracebackType) -> bool:
    """Whether an entry is of `place`."""
    return trace.tb_frame is EMPTY.tb_frame and trace is not EMPTY


def release(error: BaseException, *, loops: bool) -> None:
    """Let go of what an exception keeps alive by the interpreter's frames; the iterators of loops only if `loops`."""
    entries: list[TracebackType] = []
    trace = error.__traceback__
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    kept = None
    while entries:  # from the inside out, as a value stack is unwound
        trace = entries.pop()
        code = trace.tb_frame.f_code
        if (
            is_place(trace)
            or code in FRAMES
            or not code.co_filename.startswith(PACKAGE)
            or (not loops and code.co_name in LOOPS)
        ):
            kept = TracebackType(kept, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
        else:  # the frame itself may stay, as the one that has called what is kept
            with suppress(RuntimeError):  # it is still running
                trace.tb_frame.clear()
    error.__traceback__ = kept or EMPTY


def as_raised(error: BaseException) -> None:
    """Have an exception that the interpreter has raised in CPython's place tell of it as CPython would: not of what the
    interpreter itself was handling."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if is_place(trace):
            return
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    if code is None or code in RAISING | FRAMES or code.co_filename in STANDING_IN:
        return
    if code.co_filename.startswith(PACKAGE):
        if error.__cause__ is None:
            error.__suppress_context__ = False
        context = error.__context__
        while context is not None and not was_handled(context):
            context = context.__context__
        error.__context__ = context


def was_handled(error: BaseException) -> bool:
    """Whether the program is who has caught an exception last, and not the interpreter, which has its own business."""
    trace = error.__traceback__
    if trace is None:  # it has never been raised
        return True
    code = trace.tb_frame.f_code
    return code is _traceback.__code__ or code in FRAMES or code.co_filename in HANDLING


def set_context(error: BaseException, handled: BaseException) -> None:
    """Let an exception have another one as its context, as CPython does where it raises one: without a circle."""
    if error is handled:
        return
    above = handled
    while above.__context__ is not None:
        if above.__context__ is error:
            above.__context__ = None
            break
        above = above.__context__
    error.__context__ = handled


def add_context(error: BaseException, handled: BaseException) -> None:
    """Let an exception keep the one alive during whose handling it is raised, as CPython does."""
    if error.__context__ is not None or error is handled:
        return
    above: BaseException | None = handled
    while above is not None:
        if above.__context__ is error:
            return
        above = above.__context__
    error.__context__ = handled


_collections: list[str] = []


def _watch_collection(phase: str, info: dict[str, int]) -> None:
    _collections[:] = [phase] if phase == "start" else []


gc.callbacks.append(_watch_collection)


def collecting() -> bool:
    """Whether the garbage collector is at work: it ends generators of the program at moments of its own."""
    return bool(_collections)


def raised_deeper(error: BaseException, levels: int) -> bool:
    """Whether an exception comes from the program's code, further in than `levels` frames of the interpreter."""
    trace = error.__traceback__
    for _ in range(levels):
        trace = trace.tb_next if trace is not None else None
    while trace is not None and trace.tb_frame.f_code is Ticker.__next__.__code__:
        trace = trace.tb_next
    return trace is not None
