"""States of the process that code may set although no value that it has is changed by it, and the names by which the
text of such code tells."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_lsp.evaluate.library import words


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
