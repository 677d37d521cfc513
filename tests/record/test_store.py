"""Recorded traces are kept, bounded, and survive a crash."""

from __future__ import annotations

import json

import pytest

from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.record.store import TraceStore

pytestmark = pytest.mark.slow

SOURCE = "def f(x):\n    y = x * 2\n    return y\n"


def recorded(call: str, source: str = SOURCE, path: str = "/w/a.py"):
    return record_in_process(source, "f", call, target=("f", 1), path=path)


def test_traces_come_back_the_latest_first(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path)
    for call in ("f(1)", "f(2)", "f(1)"):
        store.add(recorded(call))
    again = TraceStore(tmp_path / "w", tmp_path)
    assert again.calls("/w/a.py") == {"f": ["f(1)", "f(2)"]}
    assert again.calls("/w/b.py") == {}
    trace = again.trace("/w/a.py", "f", "f(2)", SOURCE)
    assert trace is not None
    assert trace.events == recorded("f(2)").events
    assert again.trace("/w/a.py", "f", "f(2)", SOURCE + "\n") is None


def test_workspaces_are_apart(tmp_path):
    TraceStore(tmp_path / "one" / "w", tmp_path).add(recorded("f(1)"))
    assert TraceStore(tmp_path / "two" / "w", tmp_path).calls("/w/a.py") == {}


def test_torn_and_foreign_rows_are_passed_over(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path)
    store.add(recorded("f(1)"))
    store.add(recorded("f(2)"))
    data = store.path.read_bytes()
    store.path.write_bytes(data[:-40])
    assert store.calls("/w/a.py") == {"f": ["f(1)"]}
    store.add(recorded("f(3)"))
    with store.path.open("ab") as file:
        file.write(b'\xff\n[]\n{"file": 3}\nnull\n')
    assert store.calls("/w/a.py") == {"f": ["f(3)", "f(1)"]}


def test_row_that_was_torn_anywhere_costs_no_other(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path)
    store.add(recorded("f(1)"))
    first = store.path.stat().st_size
    store.add(recorded("f(2, 'it says , \"trace\": {')"))
    data = store.path.read_bytes()
    for end in range(first, len(data)):
        store.path.write_bytes(data[:end])
        store.add(recorded("f(3)"))
        assert store.calls("/w/a.py") == {"f": ["f(3)", "f(1)"]}


def test_call_that_did_not_reach_the_function_is_not_kept(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path)
    store.add(recorded("len('')"))
    assert store.calls("/w/a.py") == {}


def test_rows_are_bounded(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path, rows=5)
    for n in range(30):
        store.add(recorded(f"f({n})"))
    assert len(store.path.read_text().splitlines()) <= 10
    assert store.calls("/w/a.py")["f"][:5] == [f"f({n})" for n in range(29, 24, -1)]


def test_file_is_bounded_and_keeps_the_newest(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path, rows=20, size=40_000)
    for n in range(200):
        store.add(recorded(f"f({n})"))
        assert store.path.stat().st_size <= 50_000
    calls = store.calls("/w/a.py")["f"]
    assert calls[0] == "f(199)"
    assert len(calls) < 60
    assert [path for path in tmp_path.iterdir() if path.suffix != ".jsonl"] == []
    assert all(json.loads(line) for line in store.path.read_text().splitlines())


def test_huge_trace_is_not_kept(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path, size=4_000)
    store.add(recorded("f('" + "x" * 3_000 + "')"))
    assert store.calls("/w/a.py") == {}


def test_runs_come_back_with_their_own_texts(tmp_path):
    store = TraceStore(tmp_path / "w", tmp_path)
    other = SOURCE.replace("* 2", "* 3")
    for call, source in (("f(1)", SOURCE), ("f(2)", SOURCE), ("f(1)", other)):
        store.add(recorded(call, source))
    found = store.runs("/w/a.py", "f", "f(2)")
    assert [(trace.call, trace.source) for trace, _ in found] == [("f(2)", SOURCE), ("f(1)", other), ("f(1)", SOURCE)]
    assert [trace.events for trace, _ in found[1:2]] == [recorded("f(1)", other).events]
    assert store.runs("/w/a.py", "g", "g()") == []
    assert store.forget("/w/b.py") == 0
    assert store.forget("/w/a.py") == 3
    assert store.runs("/w/a.py", "f", "f(1)") == []


def test_secrets_are_not_kept(tmp_path):
    source = (
        "def f(user, api_key='s3cret-value'):\n    headers = {'user': user, 'authorization': api_key}\n"
        "    joined = f'{user}:{api_key}'\n    raise ValueError(joined)\n"
    )
    store = TraceStore(tmp_path / "w", tmp_path)
    store.add(recorded("f('ann')", source))
    kept = store.path.read_text()
    assert "s3cret-value" not in kept
    [(trace, _)] = store.runs("/w/a.py", "f", "f('ann')")
    assert trace.events[0].locals["user"] == "'ann'"
    assert trace.events[0].provenance["api_key"] == "unknown"
    store.add(recorded("f('ann', 's3cret-value')", source))
    assert "s3cret-value" not in store.path.read_text()
