"""A plugin of pytest that writes how each test ends, a JSON object a line. Python 3.8, standard library only."""

import json
import os
from typing import Any, Dict, List

_state: Dict[str, str] = {}


def _write(row: Dict[str, str]) -> None:
    with open(os.environ["CWM_LSP_OUTCOMES"], "a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def pytest_collection_modifyitems(items: List[Any]) -> None:
    """Leave out what an earlier run, which one of its tests did not let end, has told of."""
    with open(os.environ["CWM_LSP_TOLD"], encoding="utf-8") as file:
        told = set(json.load(file))
    items[:] = [item for item in items if item.nodeid not in told]


def pytest_collection_finish(session: Any) -> None:
    """Which file each test is of."""
    for item in session.items:
        _state[item.nodeid] = str(getattr(item, "path", None) or item.fspath)


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _write({"path": _state.get(nodeid, ""), "node": nodeid, "test": nodeid.partition("::")[2], "verdict": "begun"})


def pytest_runtest_logfinish(nodeid: str) -> None:
    """A test has ended, its tear-down included: what lasts from here on is not its doing."""
    _write({"path": _state.get(nodeid, ""), "node": nodeid, "test": nodeid.partition("::")[2], "verdict": "over"})


def pytest_runtest_logreport(report: Any) -> None:
    """A report of the set-up, the call or the tear-down of a test."""
    if report.when != "call" and report.outcome == "passed":
        return
    verdict = "fail" if report.outcome == "failed" else "pass"
    crash = getattr(report.longrepr, "reprcrash", None)
    path = _state.get(report.nodeid, "")
    row = {
        "path": path,
        "node": report.nodeid,
        "test": report.nodeid.partition("::")[2],
        "verdict": verdict,
        "told": str(getattr(crash, "message", "")).partition("\n")[0][:300] if verdict == "fail" else "",
    }
    _write(row)
