"""What runs the examples of doctests: each is a function `_cwm_example_NUMBER` of a module of its docstring."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

MOST = 20_000
"""Characters of output that are told."""


def load(name: str) -> Any:
    """Import the file; its name and the type and message of an error, if there is one."""
    try:
        importlib.import_module(name)
    except BaseException as error:
        return (name, type(error).__name__, str(error)[:500])
    return None


def perform(item: tuple[int, int]) -> Any:
    """The example of a docstring: what it shows, and the module, name and message of an exception that it raises."""
    module = importlib.import_module(f"_cwm_examples_{item[0]}")
    stream = io.StringIO()
    before, sys.stdout = sys.stdout, stream
    try:
        getattr(module, f"_cwm_example_{item[1]}")()
    except BaseException as error:
        kind = type(error)
        return (item, stream.getvalue()[:MOST], kind.__module__, kind.__qualname__, str(error)[:MOST])
    finally:
        sys.stdout = before
    return (item, stream.getvalue()[:MOST])
