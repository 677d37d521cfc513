"""A call recorded by the recorder's own probe, in this process: what it tells of how the call ends."""

from __future__ import annotations

import sys
from typing import Any

from cwm_lsp.record.decoder import RecordDecoder, outcome
from cwm_lsp.record.inprocess import load
from cwm_lsp.record.probe import Limits, trace_call
from cwm_lsp.source.functions import find, namesakes
from cwm_lsp.trace.events import Event, Outcome

FILE = "<probed>"


def probed(source: str, call: str, function: str, *, limits: Limits | None = None) -> tuple[list[Event], Outcome]:
    """The events of a call and its end."""
    targets = [
        ("<lambda>" if one.kind == "lambda" else one.name, one.first_line)
        for one in namesakes(source, find(source, function, FILE))
    ]
    records: list[list[Any]] = []
    before = sys.getrecursionlimit()  # which other tests of this process may have changed
    sys.setrecursionlimit(1000)
    try:
        end = trace_call(call, load(source, FILE), FILE, targets, limits=limits or Limits(), emit=records.append)
    finally:
        sys.setrecursionlimit(before)
    end["threads"] = []  # those of other tests in this process are none of the program's
    decoder = RecordDecoder()
    return [decoder.event(record) for record in records if record[0] != "end"], outcome(end)
