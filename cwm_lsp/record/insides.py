"""What objects hold whose text does not tell it: a description beside the text, within bounds.

    object('<shop.Cart object>', True, items=[object('<shop.Item object>', True, qty=2)], owner='Ann')

is an object that shows so, is true whatever it holds (its class says nothing of that), and has these attributes. What
is left out for its size is `...`, or an attribute that is missing. Attributes are those that the methods of the class
set, as far as no code of the program runs when they are read (`reprs.attributes_of`).

Runs inside the debuggee: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

from typing import Any

if "." in __name__:
    from .atoms import ATOMS, OPAQUE
    from .reprs import flags_of, static
    from .values import HEAP_TYPE, Values
else:  # run by path, inside a debuggee that need not have the package
    from atoms import ATOMS, OPAQUE  # type: ignore[no-redef, import-not-found]
    from reprs import flags_of, static  # type: ignore[no-redef, import-not-found]
    from values import HEAP_TYPE, Values  # type: ignore[no-redef, import-not-found]

MOST_ITEMS = 24
DEEPEST = 3
LONGEST_TEXT = 200
"""Characters of one value without parts."""
LONGEST = 1_000
"""Characters of a description."""
_LEFT_OUT = "..."
_CONTAINERS: dict[Any, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}")}


def described(value: Any, text: str, values: Values) -> str | None:
    """The description of a value that shows as `text`; None where there is nothing more to say, or too much."""
    writer = _Writer(values)
    found = writer.write(value, text, 0)
    return found if writer.tells and not writer.fails and len(found) <= LONGEST else None


class _Writer:
    def __init__(self, values: Values) -> None:
        self.tells = False
        """An attribute has been told."""
        self._values = values
        self._left = LONGEST
        self._within: list[int] = []
        self._objects = 0
        """Those that are being written, one inside of the other."""
        self.fails = False
        """Something is left out that would show."""

    def _leave_out(self) -> str:
        self.fails = self.fails or not self._objects
        return _LEFT_OUT

    def write(self, value: Any, text: str | None, depth: int) -> str:
        kind = type(value)
        if self._left <= 0 or id(value) in self._within:
            return self._leave_out()
        if kind in _CONTAINERS:
            self._within.append(id(value))
            written = self._container(value, kind, depth)
            self._within.pop()
            return written
        if text is None:
            text = self._values.text(value)
            if self._values.mark is not None or len(text) > LONGEST_TEXT:
                return self._leave_out()
        if kind in ATOMS or kind in OPAQUE or not flags_of(kind) & HEAP_TYPE or issubclass(kind, (type, tuple, dict)):
            shown = text if kind in ATOMS or "<" not in text else f"object({text!r})"
            self._left -= len(shown)
            return shown
        self._within.append(id(value))
        self._objects += 1
        written = self._object(value, kind, text, depth)
        self._objects -= 1
        self._within.pop()
        return written

    def _container(self, value: Any, kind: type, depth: int) -> str:
        if len(value) > MOST_ITEMS or depth > DEEPEST:
            return self._leave_out()
        opening, closing = _CONTAINERS[kind]
        self._left -= 2 + 2 * len(value)
        if kind is dict:
            if not ATOMS.issuperset(map(type, value)):
                return self._leave_out()
            parts = [f"{self.write(key, None, depth)}: {self.write(value[key], None, depth + 1)}" for key in [*value]]
        else:
            parts = [self.write(item, None, depth + 1) for item in [*value]]
        return opening + ", ".join(parts) + ("," if kind is tuple and len(parts) == 1 else "") + closing

    def _object(self, value: Any, kind: type, text: str, depth: int) -> str:
        is_true = static(kind, "__bool__") is None and static(kind, "__len__") is None
        parts = [repr(text), "True"] if is_true else [repr(text)]
        self._left -= len(text) + 16
        for name in self._values.attributes(kind) if depth <= DEEPEST else ():
            try:
                attribute = object.__getattribute__(value, name)
            except AttributeError:
                continue
            self._left -= len(name) + 3
            if self._left <= 0:
                break
            parts.append(f"{name}={self.write(attribute, None, depth + 1)}")
            self.tells = True
        return f"object({', '.join(parts)})"
