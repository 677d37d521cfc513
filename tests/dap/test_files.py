"""A trace that goes through several files."""

from __future__ import annotations

from typing import Any

from cwm_lsp.dap.session import Session
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.interventions import NOT_SEEN, Look, Looked

SOURCE = "from other import g\n\ndef f():\n    a = g()\n    return a\n"
OTHER = "/elsewhere/other.py"
EVENTS = (
    Event("call", 3, 0, "f"),
    Event("line", 4, 0, "f"),
    Event("call", 1, 1, "g", path=OTHER),
    Event("line", 4, 1, "g", path=OTHER),
    Event("return", 4, 1, "g", value="1", path=OTHER),
    Event("line", 5, 0, "f", {"a": "1"}),
    Event("return", 5, 0, "f", value="1"),
)


class Given:
    """A backend that has one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def predict(self, *_: Any) -> Trace:
        return self.trace

    recorded = asked = predict

    def look(self, _trace: Trace, _changes: Any, looks: list[Look]) -> list[Looked]:
        return [NOT_SEEN] * len(looks)


def test_breakpoints_and_frames_are_in_their_files() -> None:
    trace = Trace("f", "f()", "/here/one.py", "predicted", SOURCE, EVENTS, Outcome("return", "1"))
    count, sent = 0, []
    session = Session(Given(trace), lambda: "a fault", lambda message: sent.append(message))

    def ask(command: str, **arguments: Any) -> list[dict[str, Any]]:
        nonlocal count
        count += 1
        sent.clear()
        session.handle({"seq": count, "type": "request", "command": command, "arguments": arguments})
        assert sent[0]["success"], sent
        return list(sent)

    ask("initialize", adapterID="cwm-lsp")
    ask("launch", program="/here/one.py")
    wanted = [{"line": 2}, {"line": 5}]
    placed = ask("setBreakpoints", source={"path": "/elsewhere/../elsewhere/other.py"}, breakpoints=wanted)
    assert [one.get("line") for one in placed[0]["body"]["breakpoints"] if one["verified"]] == [4]
    nowhere = ask("setBreakpoints", source={"path": "/here/two.py"}, breakpoints=[{"line": 4}])
    assert not nowhere[0]["body"]["breakpoints"][0]["verified"]
    assert ask("configurationDone")[1]["body"]["reason"] == "breakpoint"
    frames = ask("stackTrace", threadId=1)[0]["body"]["stackFrames"]
    assert [(one["source"]["path"], one["line"]) for one in frames] == [(OTHER, 4), ("/here/one.py", 4)]
    paged = ask("stackTrace", threadId=1, startFrame=1, levels=1)[0]["body"]
    assert (paged["stackFrames"], paged["totalFrames"]) == (frames[1:], 2)
