"""Variables as the protocol shows them: trees of values, with where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from cwm_lsp.dap.protocol import Described, Refused, Variable
from cwm_lsp.dap.values import Value, value_of
from cwm_lsp.trace.events import Event, Provenance

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in a trace."""

    value: Value
    provenance: Provenance
    chance: float | None
    """That it is right, where it is predicted."""
    expression: str | None
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


def local(event: Event, name: str) -> Shown:
    """A local of an event."""
    return _shown(event, name, event.locals[name], name)


def result(event: Event) -> Shown | None:
    """The value of an event, where it has one."""
    return None if event.value is None else _shown(event, "value", event.value, None)


def _shown(event: Event, key: str, text: str, expression: str | None) -> Shown:
    # An iterator of a comprehension has a name that is no expression.
    named = expression if expression and expression.isidentifier() else None
    return Shown(value_of(text), event.provenance.get(key, "predicted"), event.confidences.get(key), named)


Group = Shown | tuple[tuple[str, Shown], ...]
"""What a reference stands for: a value with parts, or the variables of a scope."""


class Variables:
    """What has been shown since the last stop, by reference."""

    def __init__(self) -> None:
        self._groups: list[Group] = []

    def refer(self, group: Group) -> int:
        """A new reference; 0 to what has no parts."""
        if isinstance(group, Shown) and not (group.value.elements or group.value.fields):
            return 0
        self._groups.append(group)
        return len(self._groups)

    def behind(self, reference: int, kind: str | None, start: int, count: int) -> list[Variable]:
        """The variables behind a reference; `kind` "indexed" or "named" chooses, `count` 0 stands for all.

        Raises:
            Refused: there is no such reference any more.
        """
        if not 1 <= reference <= len(self._groups):
            raise Refused(f"there are no variables {reference} at this stop")
        group = self._groups[reference - 1]
        stop = start + count if count else None
        if isinstance(group, Shown):
            if (kind == "indexed" and not group.value.elements) or (kind == "named" and not group.value.fields):
                return []
            found: Sequence[tuple[str, Shown]] = group.parts(start, stop)
        else:
            found = () if kind == "indexed" else group[start:stop]
        return [self._variable(name, shown) for name, shown in found]

    def described(self, shown: Shown) -> Described:
        """What is told of a value beside its text, with a reference to its parts."""
        described: Described = {
            "type": shown.type,
            "variablesReference": self.refer(shown),
            "presentationHint": {"attributes": [shown.provenance]},
        }
        if shown.value.elements:
            described["indexedVariables"] = shown.value.elements
        if shown.value.fields:
            described["namedVariables"] = shown.value.fields
        return described

    def _variable(self, name: str, shown: Shown) -> Variable:
        described = self.described(shown)
        variable = cast("Variable", {"name": name, "value": shown.value.text, **described})
        if shown.expression:
            variable["evaluateName"] = shown.expression
        return variable
