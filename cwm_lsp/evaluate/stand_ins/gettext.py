"""`gettext` without catalogues: messages are as they are written."""

from __future__ import annotations

import builtins
from typing import Any

_not_known: Any = input


def gettext(message: str) -> str:
    return message


def ngettext(singular: str, plural: str, n: int) -> str:
    return singular if n == 1 else plural


def dgettext(domain: str, message: str) -> str:
    return message


def dngettext(domain: str, singular: str, plural: str, n: int) -> str:
    return singular if n == 1 else plural


def pgettext(context: str, message: str) -> str:
    return message


def npgettext(context: str, singular: str, plural: str, n: int) -> str:
    return singular if n == 1 else plural


def install(domain: str, localedir: Any = None, *, names: Any = None) -> None:
    if names:
        _not_known()
    builtins._ = gettext  # type: ignore[attr-defined]
