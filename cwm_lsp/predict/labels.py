"""What stands in a trace for values that are not known: their types, as far as the program tells."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from cwm_lsp.predict.grammar import UNKNOWN
from cwm_lsp.predict.typed import Typed, Types, shown, type_text
from cwm_lsp.source.functions import function_at
from cwm_lsp.source.imported import Place, Where
from cwm_lsp.trace.events import Event


class Labels:
    """Those of the values of one trace."""

    def __init__(self, source: str, where: Where) -> None:
        self._where = where
        self._sources = {"": source}
        self._typed = {"": Typed(source, where)}
        """By the path of another file."""

    def of(self, event: Event) -> Event:
        """The event with types for what is not known of it."""
        typed = self._of_file(event.path or "")
        unknown = [name for name, origin in event.provenance.items() if origin == "unknown"]
        texts = {name: event.locals[name] for name in unknown if name in event.locals}
        texts = {name: _label(text, typed.local(event.line, name)) for name, text in texts.items()}
        value = event.value
        function = function_at(self._sources[event.path or ""], event.line)
        if "value" in unknown and event.kind == "return" and value is not None and function is not None:
            value = _label(value, typed.returned(function.first_line))
        return replace(event, locals={**event.locals, **texts} if texts else event.locals, value=value)

    def _of_file(self, path: str) -> Typed:
        if path not in self._typed:
            here = self._where()
            source = (here.read(Path(path)) if here is not None else None) or ""
            self._sources[path] = source
            self._typed[path] = Typed(source, partial(Place.of, path, source))
        return self._typed[path]


def _label(text: str, types: Types) -> str:
    """The text of a value that is not known, or its type, where that says more."""
    return type_text(types) or text if text in (UNKNOWN, shown(types)) else text
