"""What of a recorded trace is not kept: values of names that look like secrets, and texts that are long."""

from __future__ import annotations

import re
from dataclasses import replace

from cwm_lsp.trace.events import Event, Provenance, Trace

SECRET = re.compile(
    r"pass(wor|phra|w?d\b)|passwd|secret|token|api_?key|private_?key|access_?key|credential|authori[sz]ation|cookie"
    r"|session_?id|csrf",
    re.IGNORECASE,
)
"""Names whose values are not kept."""
LONGEST = 20_000
"""Characters of a value that is kept."""
WITHHELD = "..."
_SHORTEST = 6
"""Characters of a secret's repr from which on it is looked for in other values."""
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ITEM = re.compile(rf"(?P<name>\w*(?:{SECRET.pattern})\w*)(?P<between>['\"]?\s*[:=]\s*)b?(?:{_QUOTED})", re.IGNORECASE)
"""A field or an item with such a name, within a repr: `password='…'`, `{'token': '…'}`."""


def without_secrets(trace: Trace) -> Trace | None:
    """A trace whose secrets and long values are `...`, of which nothing is known; None where the call holds one."""
    secrets = {
        text.lstrip("b")[1:-1]
        for event in trace.events
        for name, text in event.locals.items()
        if SECRET.search(name) and len(text) >= _SHORTEST and text[0] in "'\"b"
    }
    found = re.compile("|".join(sorted(map(re.escape, secrets), key=len, reverse=True))) if secrets else None
    if (found is not None and found.search(trace.call)) or _ITEM.search(trace.call):
        return None

    def kept(name: str, text: str) -> str:
        if SECRET.search(name) or len(text) > LONGEST or (found is not None and found.search(text)):
            return WITHHELD
        return _ITEM.sub(lambda item: f"{item['name']}{item['between']}{WITHHELD}", text)

    def clean(event: Event) -> Event:
        values = event.locals if event.value is None else {"value": event.value}
        told = {name: kept(name, text) for name, text in values.items()}
        unknown: dict[str, Provenance] = {name: "unknown" for name, text in told.items() if text != values[name]}
        held = {name: kept(name, text) for name, text in event.held.items()}
        if held != event.held:
            event = replace(event, held={name: text for name, text in held.items() if text != WITHHELD})
        if not unknown:
            return event
        provenance = {**event.provenance, **unknown}
        if event.value is not None:
            return replace(event, value=told["value"], provenance=provenance)
        return replace(event, locals=told, provenance=provenance)

    outcome, error = trace.outcome, trace.outcome.exception
    if outcome.value is not None:
        outcome = replace(outcome, value=kept("", outcome.value))
    if error is not None:
        outcome = replace(outcome, exception=replace(error, message=kept("", error.message)))
    return replace(trace, events=tuple(map(clean, trace.events)), outcome=outcome)
