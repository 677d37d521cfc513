"""Calls that were run are offered again."""

from __future__ import annotations

import pytest_asyncio

from cwm_lsp.lsp.outline import outline
from cwm_lsp.lsp.workers import Worker

SOURCE = '''\
def f(a):
    """
    >>> f(3)
    6
    """
    return a * 2
'''


@pytest_asyncio.fixture(loop_scope="session")
async def worker():
    worker = Worker("test")
    yield worker
    worker.close()


async def test_a_run_is_offered_as_a_call_of_its_function(worker, tmp_path):
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    job = {"source": SOURCE, "path": str(path)}
    predicted = {
        "function": "f",
        "call": "f(21)",
        "path": str(path),
        "origin": "predicted",
        "events": [],
        "outcome": {"kind": "return", "value": "42", "exception": None, "detail": None},
        "stats": {},
    }
    run = {"function": "f", "call": "f(21)", "python": None, "timeout": 60, "remember": True, "predicted": predicted}
    answer = await worker.ask("run", **job, **run)
    assert answer["trace"]["outcome"]["value"] == "42"
    (entry,) = (await worker.ask("outline", **job, roots=[]))["entries"]
    found = [(call["expression"], call["origin"]) for call in entry["calls"]]
    assert found[:2] == [("f(21)", "recorded"), ("f(3)", "doctest")]


def test_a_recorded_call_that_no_longer_fits_is_left_out():
    (entry,) = outline(SOURCE, "a.py", recorded={"f": ["f(1, 2)", "f(5)"]})
    assert [call.expression for call in entry.calls][:2] == ["f(5)", "f(3)"]
