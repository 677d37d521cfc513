"""Worker processes: jobs, cancelling, dying."""

import asyncio
import os
import signal

import pytest
import pytest_asyncio

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.lsp import workers
from cwm_lsp.lsp.workers import Fault, Worker, WorkerDied

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
    deaths = []
    worker = Worker("test", deaths.append)
    worker.deaths = deaths
    yield worker
    process = worker._process
    worker.close()
    if process is not None:
        await process.wait()  # or its pipes are closed by the garbage collector, when there is no loop any more


def outline(worker: Worker, source: str = SOURCE):
    return worker.ask("outline", source=source, path="a.py", roots=[])


async def test_nothing_is_started_before_it_is_needed(worker):
    assert worker.pid is None


async def test_an_outline_has_functions_and_calls(worker):
    (entry,) = (await outline(worker))["entries"]
    assert (entry["qualname"], entry["first_line"], entry["last_line"]) == ("f", 1, 6)
    assert entry["calls"][0]["expression"] == "f(3)"
    assert entry["calls"][0]["origin"] == "doctest"


async def test_an_error_of_a_job_is_the_askers(worker):
    with pytest.raises(Fault, match="unknown job"):
        await worker.ask("sing")
    with pytest.raises(UserError, match="nosuch"):
        await worker.ask("predict", source=SOURCE, path="a.py", function="nosuch", call="f(1)")
    assert (await outline(worker))["entries"]


async def test_jobs_that_wait_survive_the_death_of_the_process(worker):
    await outline(worker)
    first = worker.pid
    os.kill(first, signal.SIGSTOP)
    running = asyncio.ensure_future(outline(worker))
    waiting = asyncio.ensure_future(outline(worker))
    await asyncio.sleep(0.1)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="want of memory"):
        await running
    assert (await waiting)["entries"]
    assert worker.pid != first
    assert len(worker.deaths) == 1


async def test_a_process_that_keeps_dying_stays_down_until_it_is_restarted(worker, monkeypatch):
    monkeypatch.setattr(workers, "_BACKOFF", (0.0, 0.0))
    for _ in range(2):
        await outline(worker)
        os.kill(worker.pid, signal.SIGSEGV)
        while worker.pid is not None:
            await asyncio.sleep(0.01)
    with pytest.raises(UnavailableError, match=r"stays down.*cwm\.restartModel"):
        await outline(worker)
    worker.restart()
    assert (await outline(worker))["entries"]


async def test_a_job_that_is_cancelled_before_its_turn_is_never_done(worker):
    await outline(worker)
    os.kill(worker.pid, signal.SIGSTOP)
    running = asyncio.ensure_future(outline(worker))
    waiting = asyncio.ensure_future(outline(worker))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.kill(worker.pid, signal.SIGCONT)
    assert (await running)["entries"]
    assert worker._jobs == 2


async def test_a_job_that_is_cancelled_gives_its_turn_to_the_next(worker):
    await outline(worker)
    os.kill(worker.pid, signal.SIGSTOP)
    running = asyncio.ensure_future(outline(worker))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    os.kill(worker.pid, signal.SIGCONT)
    assert (await outline(worker))["entries"]


async def test_the_process_ends_with_its_server(worker):
    await outline(worker)
    process = worker._process
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_the_user_s_folder_shadows_no_module(worker, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert (await outline(worker))["entries"]
