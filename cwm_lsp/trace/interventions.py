"""What is asked of, and done to, the states of a call on its way."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_lsp.trace.events import Provenance


@dataclass(frozen=True, slots=True)
class Change:
    """A variable, or a part of one, is given another value before a step; the call goes on from there."""

    step: int
    """Index of a `line` event; the change is made before it."""
    depth: int
    """Of the scope on the stack that the expressions are of."""
    target: str
    """`total`, `cart.items[0].qty`."""
    value: str
    """An expression."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A call is left as soon as it has begun: what it returns is asked for, and its steps are not."""

    step: int
    """Index of its `call` event."""


Intervention = Change | Skip


@dataclass(frozen=True, slots=True)
class Look:
    """An expression is evaluated at a step, without consequences."""

    step: int
    """Index of any event."""
    depth: int
    """Of the scope on the stack that the expression is of."""
    expression: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of a look."""

    text: str | None
    """Repr of the value; None where it is not known."""
    provenance: Provenance = "unknown"
    error: str | None = None
    """What it raised instead: `ZeroDivisionError: division by zero`."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a line."""

    line: int
    function: str
    """The code object's name."""
    path: str | None
    """Its file, where that is another one than the trace's."""
    number: int
    """From 1."""


NOT_SEEN = Looked(None)
"""The value is not known."""
