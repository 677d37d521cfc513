"""Variables as the protocol shows them: trees of values, with where they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from cwm_lsp.dap.protocol import Described, Refused, Stale, Variable
from cwm_lsp.dap.values import Value, value_of
from cwm_lsp.trace.events import Event, Origin, Provenance
from cwm_lsp.trace.interventions import Looked

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in a trace."""

    value: Value
    provenance: Provenance
    chance: float | None = None
    """That it is right, where it is predicted."""
    expression: str | None = None
    """What evaluates to it; None where nothing does."""

    def parts(self, start: int, stop: int | None) -> list[tuple[str, Shown]]:
        """Its parts of a range, by name."""
        expression = self.expression
        return [
            (name, replace(self, value=value, expression=expression and access and expression + access))
            for name, access, value in self.value.parts(start, stop)
        ]

    @property
    def type(self) -> str:
        """Its type, as far as the text tells, and where it comes from."""
        if self.provenance == "unknown":
            origin = NOT_KNOWN
        elif self.provenance == "predicted" and self.chance is not None:
            origin = f"predicted, {int(self.chance * 100)} %"
        else:
            origin = self.provenance
        return f"{self.value.type} ({origin})" if self.value.type else origin

    @property
    def is_opaque(self) -> bool:
        """Whether its attributes may be known although its repr does not tell them."""
        is_object = self.value.node is None or (self.value.is_call and not self.value.fields)
        return is_object and self.expression is not None and not self.value.text.startswith(_NO_OBJECTS)


DEFINITIONS = ("<function ", "<class '", "<module '", "<built-in ")
"""What the reprs of definitions begin with; that of an object begins with its module, `<functions.Cart object>`."""
_NO_OBJECTS = (*DEFINITIONS, "<bound ", "<generator ", "<coroutine ", "<async_generator ")


def local(event: Event, name: str, origin: Origin) -> Shown:
    """A local of an event, in a trace of that origin."""
    return _shown(event, name, event.locals[name], name, origin)


def result(event: Event, origin: Origin) -> Shown | None:
    """The value of an event, where it has one."""
    return None if event.value is None else _shown(event, "value", event.value, None, origin)


def evaluated(looked: Looked, expression: str | None) -> Shown | None:
    """What an expression has evaluated to; None where it is not known."""
    return None if looked.text is None else Shown(value_of(looked.text), looked.provenance, None, expression)


def _shown(event: Event, key: str, text: str, expression: str | None, origin: Origin) -> Shown:
    # An iterator of a comprehension has a name that is no expression.
    named = expression if expression and expression.isidentifier() else None
    return Shown(value_of(text), event.provenance.get(key, origin), event.confidences.get(key), named)


Named = Sequence[tuple[str, Shown]]


@dataclass(frozen=True, slots=True)
class Group:
    """What a reference stands for."""

    frame: int
    """The event that the frame is at whose scope the expressions are of."""
    whole: Shown | None
    """The value whose parts these are; None for the variables of a scope."""
    named: Callable[[], Named]
    """All of them; where the value's repr tells its parts they are read off that instead."""


class Variables:
    """What has been shown since the last stop, by reference."""

    def __init__(self, after: int = 0) -> None:
        """`after`: the references of earlier stops, which none of these is."""
        self._after = after
        self._groups: list[Group] = []
        self.attributes: Callable[[int, Shown], Named] = lambda _frame, _shown: ()
        """The attributes of a value in a frame that its repr does not tell."""
        self.is_fixed = False
        """Nothing can be set."""

    def refer(self, frame: int, group: Shown | Callable[[], Named]) -> int:
        """A new reference; 0 to what has no parts."""
        if not isinstance(group, Shown):
            self._groups.append(Group(frame, None, group))
        elif group.value.elements or group.value.fields or group.is_opaque:
            shown = group
            self._groups.append(Group(frame, shown, lambda: self.attributes(frame, shown)))
        else:
            return 0
        return self.latest

    @property
    def latest(self) -> int:
        """The latest reference."""
        return self._after + len(self._groups)

    def group(self, reference: int) -> Group:
        """What is behind a reference.

        Raises:
            Refused: there is no such reference any more.
        """
        if 1 <= reference <= self._after:
            raise Stale(f"variables {reference} are of an earlier stop")
        if not self._after < reference <= self.latest:
            raise Refused(f"there are no variables {reference} at this stop")
        return self._groups[reference - self._after - 1]

    def behind(self, reference: int, kind: str | None, start: int, count: int) -> list[Variable]:
        """The variables behind a reference; `kind` "indexed" or "named" chooses, `count` 0 stands for all.

        Raises:
            Refused: there is no such reference any more.
        """
        group = self.group(reference)
        stop = start + count if count else None
        found: Named
        if group.whole is not None and not group.whole.is_opaque:
            value = group.whole.value
            if (kind == "indexed" and not value.elements) or (kind == "named" and not value.fields):
                return []
            found = group.whole.parts(start, stop)
        else:
            found = () if kind == "indexed" else group.named()[start:stop]
        return [self._variable(group.frame, name, shown) for name, shown in found]

    def member(self, reference: int, name: str) -> Shown | None:
        """The variable of a name behind a reference; None where there is none.

        Raises:
            Refused: there is no such reference any more.
        """
        group = self.group(reference)
        is_read = group.whole is not None and not group.whole.is_opaque
        named: Named = group.whole.parts(0, None) if is_read and group.whole is not None else group.named()
        return next((shown for its, shown in named if its == name), None)

    def described(self, frame: int, shown: Shown) -> Described:
        """What is told of a value beside its text, with a reference to its parts."""
        attributes: list[str] = [shown.provenance, "readOnly"] if self.is_fixed else [shown.provenance]
        described: Described = {
            "type": shown.type,
            "variablesReference": self.refer(frame, shown),
            "presentationHint": {"attributes": attributes},
        }
        if shown.value.elements:
            described["indexedVariables"] = shown.value.elements
        if shown.value.fields:
            described["namedVariables"] = shown.value.fields
        return described

    def _variable(self, frame: int, name: str, shown: Shown) -> Variable:
        described = self.described(frame, shown)
        variable = cast("Variable", {"name": name, "value": shown.value.text, **described})
        if shown.expression:
            variable["evaluateName"] = shown.expression
        return variable
