"""Whether a call has left the modules of a program as loading them did.

What is kept is the identity of all that the modules refer to. Where none of it is another object afterwards, and
nothing that holds a state of its own has changed, the next call finds the program as a fresh one would.
"""

from __future__ import annotations

from collections import deque
from decimal import getcontext, setcontext
from itertools import count
from types import BuiltinFunctionType, ModuleType
from typing import Any

from cwm_lsp.evaluate import rendering
from cwm_lsp.evaluate.endless import CONSTANT, ITERATORS, MOST, State, Unprovable
from cwm_lsp.evaluate.interpreter import Interpreter

_HELD = frozenset({list, dict, set, deque})


class Standing:
    """Modules that have been loaded.

    Raises `Unprovable` where they hold something whose state cannot be seen, such as an iterator.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self._state = dict(vars(self.runtime))
        self._decimal = getcontext().copy()
        self._counts = self._counted()
        self._layers = interpreter.calls.rules.layers
        self._parts = State(self.runtime, set())
        self._scopes = set(interpreter.scopes)
        self._foreign = interpreter.foreign
        self._known: list[tuple[Any, type, Any, list[int]]] = []
        """Each object with its type, what it holds itself, and the identities of what it refers to."""
        self._look()

    def _look(self) -> None:
        imports, calls = self.interpreter.imports, self.interpreter.calls
        pending: list[Any] = [self.interpreter.namespace, imports.modules, imports.builtins, calls.made]
        seen: set[int] = set()
        while pending:
            value = pending.pop()
            kind = type(value)
            if kind in rendering.ATOMS or id(value) in seen:
                continue
            seen.add(id(value))
            if kind in CONSTANT:
                if kind is BuiltinFunctionType and type(value.__self__) is not ModuleType:
                    pending.append(value.__self__)
                continue
            if (kind in ITERATORS and kind is not count) or len(seen) > MOST:
                raise Unprovable
            label, parts = self._parts_of(value, kind)
            self._known.append((value, kind, label, list(map(id, parts))))
            pending += parts

    def _parts_of(self, value: Any, kind: Any) -> tuple[Any, list[Any]]:
        """As in `State.parts`; of a counter, how far it is."""
        return (repr(value), []) if kind is count else self._parts.parts(value, kind)

    def _counted(self) -> list[int]:
        """How much there is of what only grows."""
        interpreter, runtime = self.interpreter, self.runtime
        runtime.touched.clear()  # those were looked at by frames that are gone
        held = [value for name, value in vars(runtime).items() if type(value) in _HELD and name != "trail"]
        unknowing = [value for value in vars(runtime.unknowing).values() if type(value) in _HELD]
        imports = interpreter.imports
        begun = [names for inner in imports.bodies.values() for names in (inner.begun, inner.perhaps)]
        rest = [imports.read, imports.put_off, imports.compiled, runtime.rendering.refused]
        flags = [runtime.unknowing.wild, runtime.unknowing.adrift, runtime.mortal, imports.lost]
        return [*map(len, (*held, *unknowing, *begun, *rest, interpreter.perhaps)), *flags]

    def holds(self) -> bool:
        """Whether everything is as it was."""
        if self._counted() != self._counts or self.interpreter.asynchronous.current is not None:
            return False
        parts_of = self._parts_of
        try:
            for value, kind, label, identities in self._known:
                now, parts = parts_of(value, kind)
                if type(value) is not kind or now != label or list(map(id, parts)) != identities:
                    return False
        except Unprovable:
            return False
        return True

    def begin(self) -> None:
        """See to what is the thread's, before the next call."""
        setcontext(self._decimal.copy())

    def restore(self) -> None:
        """Forget the call that has been."""
        vars(self.runtime).update(self._state, trail=[])
        interpreter = self.interpreter
        interpreter.calls.rules.layers = self._layers
        if interpreter.foreign is not self._foreign:
            for node in interpreter.scopes.keys() - self._scopes:
                del interpreter.scopes[node]
                interpreter.codes.pop(node, None)
            interpreter.foreign = self._foreign
