"""What of a module of the library a program may use as it is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from cwm_lsp.evaluate import library, rendering


def listed_classes(namespace: Mapping[str, Any]) -> dict[str, type]:
    """The classes in the namespace of a module of the standard library that a program may use as they are: there is one
    of each, wherever it is taken from."""
    real = vars(sys.modules.get(namespace["__name__"], sys))
    return {
        name: real[name] for name in namespace.keys() & real.keys() if isinstance(real[name], type)
        and library.is_listed(real[name])
    }  # fmt: skip


def starred(name: str) -> list[str]:
    """The names that `from name import *` binds, for a module of the table."""
    real = importlib.import_module(name)
    return list(getattr(real, "__all__", None) or [item for item in vars(real) if not item.startswith("_")])


def compiled(name: str) -> library.Module | None:
    """A module of the standard library that is written in C: of its members, those that are on the allow-list."""
    try:
        real = importlib.import_module(name)
    except ImportError:
        return None
    members = {
        key: value for key, value in vars(real).items() if type(value) in rendering.ATOMS or library.is_listed(value)
    }
    return library.Module(name, members)
