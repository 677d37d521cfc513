"""How much of the interpreter's stack a thread has left, and moving that mark.

Runs inside the debuggee: standard library only, Python 3.8 and newer. A recorder runs in the program's own thread, on
its stack: the frames under the program and those of the recorder itself would have RecursionError come earlier than it
does without a recorder. So the interpreter's own count of frames is moved while the program runs; its limit, which the
program may read and set, is left alone.
"""

from __future__ import annotations

import ctypes
import sys

_INTS = 96
"""How many ints at the beginning of a thread's state may hold the count."""
SPARE = 10
"""Frames that the program could have beyond its limit, so that the recorder can still be called there and say no."""
SHORT = 200
"""With fewer frames left the recorder needs more for itself."""
_LIFT = 400


def hide(*objects: object) -> None:
    """Takes objects of the recorder's out of what the program's garbage collector counts and shows."""
    for one in objects:
        ctypes.pythonapi.PyObject_GC_UnTrack(ctypes.py_object(one))


_Ints = ctypes.c_int * _INTS
"""Made once: a class that is not needed any more is garbage, which the program could see."""


def _read(base: int, deeper: int) -> list[int]:
    """The ints at an address, as of so many calls further down."""
    return _read(base, deeper - 1) if deeper else list(_Ints.from_address(base))


class Stack:
    """The count of the present thread.

    Where it is in the thread's state depends on the version and is found by what it does: up to 3.10 it is the depth,
    then what is left. Where it cannot be told from other numbers, a count stands in for it that nobody looks at.
    """

    def __init__(self) -> None:
        current = ctypes.pythonapi.PyThreadState_Get
        current.restype = ctypes.c_void_p
        base: int = current()

        self.count = ctypes.c_int(1 << 20)
        self.goes_down = True
        reads = [(deeper, _read(base, deeper)) for deeper in (0, 3, 7)]
        for step in (1, -1):
            found = [
                index
                for index, start in enumerate(reads[0][1])
                if all(numbers[index] == start + step * deeper for deeper, numbers in reads)
            ]
            if len(found) == 1:
                self.count = ctypes.c_int.from_address(base + found[0] * ctypes.sizeof(ctypes.c_int))
                self.goes_down = step < 0
        self._given = 0

    def left(self) -> int:
        """Calls that this function's frame could still make."""
        return self.count.value if self.goes_down else sys.getrecursionlimit() - self.count.value

    def begin(self) -> None:
        """What is three frames above becomes the first frame of the stack, as far as the limit is concerned."""
        more = sys.getrecursionlimit() - 5 + SPARE - self.left()
        self._given += more
        self._give(more)

    def begin_within(self) -> None:
        """The stack stays as it is."""
        self._given += SPARE
        self._give(SPARE)

    def end(self) -> None:
        """Undoes `begin` or `begin_within`."""
        self._give(-self._given)
        self._given = 0

    def lift(self) -> None:
        """More frames, for the recorder, until `lower`."""
        self._give(_LIFT)

    def lower(self) -> None:
        self._give(-_LIFT)

    def _give(self, frames: int) -> None:
        self.count.value += frames if self.goes_down else -frames
