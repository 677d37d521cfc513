"""The commands of `workspace/executeCommand`.

Each takes one object (see `Target`) and answers, when it is done, with an object whose `state` is `done`, `cancelled`
or `failed`; what failed is also told to the user, who asked for it.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from lsprotocol import types as lsp
from platformdirs import user_state_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp import examining
from cwm_lsp.lsp.checked import Crashing, Test
from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.session import Session
from cwm_lsp.lsp.shown import shown_at
from cwm_lsp.lsp.views.document import differing, ending
from cwm_lsp.lsp.views.document import document as trace_document
from cwm_lsp.lsp.views.lenses import title_of
from cwm_lsp.lsp.views.verdicts import message_of
from cwm_lsp.source.calls import Call
from cwm_lsp.source.prepared import one_line
from cwm_lsp.verdicts.output import is_wrong

Answer = dict[str, Any]

_Count = Annotated[int, Field(ge=0)]


class Position(BaseModel):
    """A position in a document, as the protocol has it."""

    model_config = ConfigDict(extra="forbid")
    line: _Count
    character: _Count = 0


class Target(BaseModel):
    """What a command is about. A function is named, or is the one around a position."""

    model_config = ConfigDict(extra="forbid")
    uri: str | None = None
    function: str | None = None
    """Qualified name: `Stack.push`."""
    position: Position | None = None
    call: str | None = None
    """A call as source: `f([1, 2])`. By default the one in use."""
    event: _Count | None = None
    """Index of an event of the trace that is shown."""
    tests: list[str] | None = None
    """Ids of tests: `test_shop.py::test_total`. By default all of the document."""
    expression: str | None = None
    """To be pinned, or no longer."""
    expect: Literal["raises", "xfail"] = "raises"
    """Of a crash that becomes a test: that the exception is meant, or that it is a fault to be mended."""


def target_of(command: str, arguments: Any) -> Target:
    """The one argument of a command; none is an empty one.

    Raises:
        UserError: the arguments are something else.
    """
    given = list(arguments or [])
    if len(given) > 1 or not all(isinstance(argument, Mapping) for argument in given):
        raise UserError(f"{command} takes one object, not {', '.join(type(argument).__name__ for argument in given)}")
    try:
        return Target.model_validate(given[0] if given else {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "its argument"
        raise UserError(f"{command} does not understand {where}: {first['msg'].lower()}") from error


async def execute(session: Session, command: Callable[[Session, Target], Awaitable[Answer]], target: Target) -> Answer:
    """Carry out a command; what goes wrong is told to the user."""
    try:
        return {"state": "done", **await command(session, target)}
    except asyncio.CancelledError:
        return {"state": "cancelled"}
    except (UserError, UnavailableError) as error:
        session.client.tell(str(error), lsp.MessageType.Warning)
        return {"state": "failed", "message": str(error)}


async def predict(session: Session, target: Target) -> Answer:
    """Predict the call in use, or the one that is given."""
    document, entry, call = await call_of(session, target)
    return _told(await session.predict(document, entry, call))


async def predict_then_run(session: Session, target: Target) -> Answer:
    """Predict the call, run it, compare."""
    document, entry, call = await call_of(session, target)
    return _told(await session.run(document, entry, call))


async def clear(session: Session, target: Target) -> Answer:
    """Take away what is shown of a function, a document, or everything."""
    uris = list(session.documents) if target.uri is None else [target.uri]
    for uri in uris:
        name = target.function
        if name is None and target.position is not None:
            name = session.function_at(uri, line=target.position.line)[1].qualname
        session.forget(uri, name)
    return {}


async def cancel(session: Session, target: Target) -> Answer:
    """Cancel what is being done, everywhere or in one document."""
    return {"cancelled": session.jobs.cancel_for(target.uri, target.function)}


async def select_call(session: Session, target: Target) -> Answer:
    """Use the call that is given, or one that the user chooses among those found, and predict it."""
    document, entry = await function_of(session, target)
    if target.call is None:
        choices = {title_of(call): call for call in entry.calls}
        if not choices:
            raise UserError(f"no call of {entry.qualname} was found: give one, or add a doctest")
        if not session.client.can_choose:
            return {"choices": [call.expression for call in entry.calls]}
        title = await session.client.choose(f"Which call of {entry.name}?", list(choices))
        if title is None:
            return {"state": "cancelled"}
        call = choices[title]
    else:
        call = Call(target.call, "typed")
    known = await session.predict(document, entry, call)
    document.chosen[entry.qualname] = call
    session.client.refresh()
    return _told(known)


async def calls(session: Session, target: Target) -> Answer:
    """The calls of a function that were found, for a client with a better way to choose; the one in use first."""
    document, entry = await function_of(session, target)
    in_use = document.call_of(entry)
    found = ([in_use] if in_use else []) + [call for call in entry.calls if call != in_use]
    choices = [{"call": call.expression, "title": title_of(call), "origin": call.origin} for call in found]
    return {"function": entry.qualname, "choices": choices}


async def next_iteration(session: Session, target: Target) -> Answer:
    """Look at the next iteration of the loop at a position."""
    return _iterate(session, target, 1)


async def previous_iteration(session: Session, target: Target) -> Answer:
    """Look at the iteration before."""
    return _iterate(session, target, -1)


def _iterate(session: Session, target: Target, step: int) -> Answer:
    if target.uri is None or target.position is None:
        raise UserError("a position inside a loop is needed")
    found = shown_at(session.documents, session.document(target.uri), target.position.line)
    place = found and found[0].place_at(found[1])
    if found is None or place is None:
        raise UserError("there are no iterations to go through here")
    one, _ = found
    number = (place.number - 1 + step) % place.count + 1
    one.known.go(place, number, one.path)
    session.client.refresh()
    return {"number": number, "count": place.count}


async def show_trace(session: Session, target: Target) -> Answer:
    """The whole trace as a text: shown by the client itself if it can, else as a file."""
    document, entry = await function_of(session, target)
    known = document.known.get(entry.qualname)
    if target.call is not None and (known is None or known.call.expression != target.call):
        known = await session.predict(document, entry, Call(target.call, "typed"))
    if known is None or known.reading is None:
        raise UserError(f"nothing is known of {entry.qualname} yet: predict it first")
    answer: Answer = {
        "title": one_line(known.call.expression),
        "predicted": known.predicted and trace_document(known.predicted),
        "recorded": known.recorded and trace_document(known.recorded),
    }
    if known.predicted is not None and known.recorded is not None:
        answer["differs"] = differing(await session.predictions.side_by_side(known), known.recorded.all[1])
    if not session.client.shows_traces and session.client.shows_documents:
        parts = [text for text in (answer["predicted"], answer["recorded"]) if text]
        folder = user_state_path("cwm-lsp") / "shown"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{entry.name}.trace.txt"
        path.write_text("\n".join(parts), encoding="utf-8")
        await session.client.show_document(path.as_uri())
    return answer


async def restart_model(session: Session, _target: Target) -> Answer:
    """End the model's process; the next prediction starts a new one."""
    session.restart_model()
    return {}


async def forget(session: Session, target: Target) -> Answer:
    """Remove what is kept of the runs of a document, and what is shown of it."""
    from cwm_lsp.record.store import TraceStore

    if target.uri is None:
        raise UserError("a document whose runs are to be forgotten is needed")
    path = session.document(target.uri).path
    count = await asyncio.to_thread(lambda: TraceStore.of(path).forget(path))
    session.forget(target.uri)
    session.client.tell(f"{count} run{'s' * (count != 1)} forgotten")
    return {"count": count}


async def verdicts(session: Session, target: Target) -> Answer:
    """How the tests and doctests of a document will end; those that were run, how they did."""
    document = await _outlined(session, target)
    async with session.client.progress("Finding verdicts", lambda: session.jobs.cancel_for(document.uri)):
        await session.jobs.start(("verify", document.uri), session.checks.verify(document))
    return {"verdicts": [verdict_row(test) for test in document.checked.tests.values()]}


async def run_tests(session: Session, target: Target) -> Answer:
    """Run tests of a document for real; their verdicts are replaced by how they ended."""
    document = await _outlined(session, target)
    if not session.configuration.trusted:
        raise UserError("the workspace is not trusted, so nothing of it is run: trust it first")
    if document.settings.record.sandbox:
        raise UserError("pytest is not run in a sandbox, which record.sandbox asks for: run it in a terminal")
    async with session.client.progress("Running tests", lambda: session.jobs.cancel_for(document.uri)):
        ran = await session.jobs.start(("verify", document.uri), session.checks.run(document, target.tests))
    names = {verdict.test for verdict in ran}
    wrong = [verdict.test for verdict in ran if is_wrong(verdict)]
    rows = [verdict_row(test) for name, test in document.checked.tests.items() if name in names]
    return {"verdicts": rows, "wrong": wrong}


async def confirm_crash(session: Session, target: Target) -> Answer:
    """Run a call on which a function likely crashes: what is told of it is confirmed, or taken back."""
    document, entry, call = await call_of(session, target)
    crash = _crash_of(document, call.expression)
    known = await session.run(document, entry, call)
    assert known.recorded is not None
    shown = crash.is_shown_by(known.recorded.all[0].outcome)
    session.checks.settle(document, crash, shown=shown)
    return {**_told(known), "confirmed": shown}


async def insert_test(session: Session, target: Target) -> Answer:
    """Put a crash that was found into a test of its module, in the editor."""
    from cwm_lsp.search.inserting import insertion

    document, _, call = await call_of(session, target)
    crash = _crash_of(document, call.expression).crash
    path, text = Path(document.path).absolute(), document.text.whole
    made = await asyncio.to_thread(insertion, path, text, crash, target.expect)
    opened = session.documents.get(made.path.as_uri())
    at = opened.text.whole if opened is not None else None
    await session.client.insert(made, at)
    return {"uri": made.path.as_uri()}


async def _outlined(session: Session, target: Target) -> Document:
    if target.uri is None:
        raise UserError("a document is needed: `uri`")
    await session.outlined(target.uri)
    return session.document(target.uri)


def _crash_of(document: Document, call: str) -> Crashing:
    for crash in document.checked.crashes:
        if crash.crash.call == call:
            return crash
    raise UserError(f"nothing is known of a crash of {call} any more: the function has changed")


def verdict_row(test: Test) -> Answer:
    """A verdict with 0-based lines as they are now."""
    verdict, at = test.verdict, test.anchor.at
    row = {key: value for key, value in verdict.to_json().items() if key not in ("path", "line", "at")}
    message = message_of(test) if verdict.verdict == "fail" else verdict.reason
    return {**row, "message": message, "line": at(test.mark), "at": at(verdict.at) if verdict.at is not None else None}


async def runs(session: Session, target: Target) -> Answer:
    """The recorded runs of a document that its text is still that of, for a client to choose from; the latest first."""
    from cwm_lsp.record.store import TraceStore

    if target.uri is None:
        raise UserError("a document whose runs are to be told is needed")
    document = session.document(target.uri)
    path, text = document.path, document.text.whole
    found = await asyncio.to_thread(lambda: TraceStore.of(path).latest(path, text))
    return {"runs": [{"function": function, "call": call, "when": when} for function, call, when in found]}


async def pin(session: Session, target: Target) -> Answer:
    """Show an expression beside the lines of a function, or no longer if it is shown; without one, none."""
    document, entry = await function_of(session, target)
    pinned = document.pinned.setdefault(entry.qualname, [])
    expression = target.expression and target.expression.strip()
    if not expression:
        pinned.clear()
    elif expression in pinned:
        pinned.remove(expression)
    else:
        check_expression(expression)
        pinned.append(expression)
    known = document.known.get(entry.qualname)
    if known is not None:
        await session.predictions.look(document, known)
        session.client.refresh()
    return {"function": entry.qualname, "pinned": list(pinned)}


def check_expression(text: str) -> None:
    """Raises `UserError` where a text is no expression."""
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(f"{text} is no expression that can be read") from None


async def debug_adapter(session: Session, target: Target) -> Answer:
    """Host, port and token of a debug adapter that predicts with the model that is loaded."""
    return await examining.debug_adapter(session, target.uri)


async def doctor(session: Session, target: Target) -> Answer:
    """What `cwm-lsp doctor` finds."""
    return (await examining.doctor(session, target.uri)).to_json()


COMMANDS: Mapping[str, Callable[[Session, Target], Awaitable[Answer]]] = {
    "cwm.predict": predict,
    "cwm.predictThenRun": predict_then_run,
    "cwm.clear": clear,
    "cwm.cancel": cancel,
    "cwm.calls": calls,
    "cwm.selectCall": select_call,
    "cwm.nextIteration": next_iteration,
    "cwm.previousIteration": previous_iteration,
    "cwm.showTrace": show_trace,
    "cwm.restartModel": restart_model,
    "cwm.doctor": doctor,
    "cwm.forget": forget,
    "cwm.debugAdapter": debug_adapter,
    "cwm.verdicts": verdicts,
    "cwm.runTests": run_tests,
    "cwm.confirmCrash": confirm_crash,
    "cwm.insertTest": insert_test,
    "cwm.runs": runs,
    "cwm.pin": pin,
}


async def function_of(session: Session, target: Target) -> tuple[Document, Entry]:
    """The function that a target is about.

    Raises:
        UserError: there is none.
    """
    if target.uri is None:
        raise UserError("a document is needed: `uri`")
    await session.outlined(target.uri)
    line = target.position.line if target.position is not None else None
    return session.function_at(target.uri, name=target.function, line=line)


async def call_of(session: Session, target: Target) -> tuple[Document, Entry, Call]:
    """The same with the call that the target gives, else the one in use.

    Raises:
        UserError: there is none.
    """
    document, entry = await function_of(session, target)
    if target.call is not None:
        return document, entry, Call(target.call, "typed")
    call = document.call_of(entry)
    if call is None:
        raise UserError(f"no call of {entry.qualname} was found: give one, or add a doctest")
    return document, entry, call


def _told(known: KnownCall) -> Answer:
    """What became of a call."""
    answer: Answer = {"function": known.entry.qualname, "call": known.call.expression}
    if known.predicted is not None:
        answer |= {"predicted": ending(known.predicted.trace)}
    if known.recorded is not None:
        answer |= {
            "recorded": ending(known.recorded.trace),
            "divergences": [divergence.to_json() for divergence in known.recorded.all[1]],
        }
    return answer
