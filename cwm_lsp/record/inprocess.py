"""One call recorded in this very process: no debugger, no limits but the number of events.

For programs that are known to be harmless, such as those that a corpus is made of. The recorder proper is
`cwm_lsp.record.recorder`; both use the same probe, so their events are the same.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Mapping
from typing import Any

from cwm_lsp.record import comprehensions
from cwm_lsp.record.decoder import RecordDecoder, many_made, outcome
from cwm_lsp.record.probe import Limits, trace_call
from cwm_lsp.trace.events import Stats, Trace


def load(source: str, path: str) -> dict[str, Any]:
    """Runs a module's text and gives its namespace; the module is not left in `sys.modules`."""
    name = "__recorded__"
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(comprehensions.compile_module(source, path), module.__dict__)  # noqa: S102
    finally:
        del sys.modules[name]
    return module.__dict__


def record_in_process(
    source: str,
    function: str,
    call: str,
    *,
    target: tuple[str, int],
    path: str = "<recorded>",
    limits: Limits = Limits(),  # noqa: B008  immutable
    namespace: Mapping[str, Any] | None = None,
) -> Trace:
    """The trace of `call` in the module `source`.

    `target` is the traced function's `(co_name, co_firstlineno)`. `namespace` is what `load` gave for the same source
    and path; without it the module is run anew.
    """
    started = time.perf_counter()
    records: list[list[Any]] = []
    names = dict(load(source, path) if namespace is None else namespace)
    end = trace_call(call, names, path, [target], limits=limits, emit=records.append)
    with many_made():
        events = tuple(RecordDecoder().events(records))
    seconds = time.perf_counter() - started
    return Trace(function, call, path, "recorded", source, events, outcome(end), Stats(len(events), seconds=seconds))
