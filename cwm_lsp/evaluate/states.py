"""States of the process that code may set although no value that it has is changed by it, and the names by which the
text of such code tells."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.everyday import Stream
from cwm_lsp.evaluate.library import Module, words
from cwm_lsp.evaluate.values import Undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.home import Imported


@dataclass(frozen=True, slots=True)
class State:
    """One of them."""

    what: str
    words: frozenset[str]
    module: str | None = None
    """The module that has it in its objects, where that is interpreted; else it is seen by operations everywhere."""


STATES = (
    State(
        "how decimal numbers are reckoned with",
        words("getcontext setcontext localcontext DefaultContext BasicContext ExtendedContext"),
    ),
    State("how deep calls may be nested", words("setrecursionlimit")),
    State("how long the text of an integer may be", words("set_int_max_str_digits")),
    State("which encodings there are", words("register_error")),
    State("any object", words("get_objects get_referrers")),
    State("which values an enum has", words("_value2member_map_ _member_map_ _member_names_")),
    State("what is builtin", words("__builtins__ f_builtins")),
    State(
        "who logs what",
        words(
            "basicConfig disable disabled setLevel level addHandler removeHandler handlers addFilter removeFilter "
            "filters addLevelName setLoggerClass setLogRecordFactory captureWarnings dictConfig fileConfig propagate "
            "setFormatter formatter root manager hasHandlers getHandlerByName"
        ),
        module="logging",
    ),
    State("what is in the environment", words("environ environb putenv unsetenv"), module="os"),
    State(
        "which warnings are shown",
        words("simplefilter filterwarnings resetwarnings catch_warnings filters showwarning _showwarning"),
        module="warnings",
    ),
)  # fmt: skip
WORDS = frozenset[str]().union(*(state.words for state in STATES))
OBJECTS = {state.module: state.words for state in STATES if state.module is not None}
"""Modules that have a state in their objects, by the words with which code sets it."""
EVERYWHERE = tuple(state for state in STATES if state.module is None)


def objects_of(imports: Imported, name: str) -> list[Any]:
    """What a module of the library has in it, if the program has imported it."""
    module = imports.modules.get(name)
    if type(module) is not Module or not imports.is_of_library(module):
        return []
    with suppress(Exception, Undetermined):
        module.ready()
        if name in imports.bodies:
            imports.bodies[name].demand_all()
    return [value for value in module.members.values() if type(value) is not Module]


def redirected(imports: Imported) -> list[Any]:
    """What the program has put in place of the standard streams."""
    module = imports.modules.get("sys")
    streams = [module.members.get(name) for name in ("stdout", "stderr")] if type(module) is Module else []
    return [stream for stream in streams if type(stream) is not Stream]


def random_generator(imports: Imported) -> Any:
    """That of the module `random`, which all functions of it share; None where it has not been made."""
    module = imports.modules.get("random")
    if type(module) is not Module or not imports.is_of_library(module):
        return None
    return module.members.get("_inst")
