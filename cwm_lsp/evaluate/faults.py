"""Telling a mistake of the interpreter from an exception of the program.

Both rise through the interpreter's own Python frames. What the program gets is raised there by a `raise`, or by a call
of what the program has called: never by an instruction that reads a name or an attribute of the interpreter's own
code, and never because one of its functions takes other arguments.
"""

from __future__ import annotations

import dis
import re
import sys
from functools import cache

from cwm_lsp.evaluate.lifetimes import PACKAGE

READING = ("LOAD_", "STORE_ATTR", "DELETE_ATTR")
SIGNATURE = re.compile(r"(\w+)\.[\w.<>]+\(\) (?:takes|missing|got) ")


def is_own(error: BaseException) -> bool:
    """Whether an exception can only be a mistake of the interpreter; what cannot be told counts as the program's."""
    if not isinstance(error, AttributeError | NameError | TypeError):
        return False
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    if not code.co_filename.startswith(PACKAGE):
        return False
    instruction = dis.opname[code.co_code[trace.tb_lasti]]
    if type(error) is not TypeError:
        return instruction.startswith(READING)
    text = error.args[0] if error.args else None
    if type(text) is not str or instruction == "RAISE_VARARGS":
        return False
    found = SIGNATURE.match(text)
    return found is not None and found[1] in _own_classes()


@cache
def _own_classes() -> frozenset[str]:
    package = __package__ or ""
    return frozenset(
        value.__name__
        for name, module in list(sys.modules.items())
        if name.startswith(package)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__.startswith(package)
    )
