"""asyncio on a virtual clock: what runs when is as it really is."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, evaluate, only_on_the_reference
from tests.evaluate.virtual import virtual_time

pytestmark = only_on_the_reference

PROGRAMS = [
    """
import asyncio
async def boom(n):
    await asyncio.sleep(0)
    raise ValueError(n)
class Guard:
    async def __aenter__(self):
        return self
    async def __aexit__(self, *error):
        await asyncio.sleep(0)
        try:
            await boom(2)
        except ValueError:
            pass
async def main():
    task = asyncio.create_task(boom(1))
    async with Guard():
        await asyncio.wait([task])
        try:
            await task
        except ValueError as e:
            error = e
        raise error
def f():
    return asyncio.run(main())
""",
    """
import asyncio
async def worker(name, delay, log):
    log.append(f"{name} starts")
    await asyncio.sleep(delay)
    log.append(f"{name} done")
    return name
async def main():
    log = []
    a = asyncio.create_task(worker("a", 0.2, log))
    b = asyncio.create_task(worker("b", 0.1, log), name="bee")
    c = await worker("c", 0.05, log)
    results = await asyncio.gather(a, b)
    return results, log, a.done(), a.result(), b.get_name(), a.get_name()
def f():
    return asyncio.run(main())
""",
    """
import asyncio
async def producer(queue, n):
    for i in range(n):
        await queue.put(i)
        await asyncio.sleep(0)
    await queue.put(None)
async def consumer(queue):
    out = []
    while True:
        item = await queue.get()
        queue.task_done()
        if item is None:
            return out
        out.append(item)
async def f():
    queue = asyncio.Queue(maxsize=2)
    async with asyncio.TaskGroup() as group:
        p = group.create_task(producer(queue, 4))
        c = group.create_task(consumer(queue))
    await queue.join()
    return c.result(), queue.empty(), queue.qsize(), queue
""",
    """
import asyncio
async def slow():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        raise
    finally:
        x = 1
async def f():
    out = []
    try:
        await asyncio.wait_for(slow(), 0.1)
    except asyncio.TimeoutError as e:
        out.append(repr(e))
    try:
        async with asyncio.timeout(0.5):
            await slow()
    except TimeoutError as e:
        out.append(repr(e))
    t = asyncio.ensure_future(slow())
    await asyncio.sleep(0)
    t.cancel()
    try:
        await t
    except asyncio.CancelledError as e:
        out.append(repr(e))
    out.append(t.cancelled())
    return out
""",
    """
import asyncio
async def f():
    out = []
    lock = asyncio.Lock()
    event = asyncio.Event()
    sem = asyncio.Semaphore(2)
    cond = asyncio.Condition()
    async def one(i):
        async with lock:
            out.append(("lock", i, lock.locked()))
            await asyncio.sleep(0.01)
        async with sem:
            out.append(("sem", i))
            await asyncio.sleep(0.02)
        await event.wait()
        async with cond:
            await cond.wait()
            out.append(("cond", i))
    tasks = [asyncio.create_task(one(i)) for i in range(3)]
    await asyncio.sleep(0.5)
    event.set()
    await asyncio.sleep(0.1)
    async with cond:
        cond.notify()
    await asyncio.sleep(0)
    async with cond:
        cond.notify_all()
    done, pending = await asyncio.wait(tasks)
    out.append((len(done), len(pending)))
    return out
""",
    """
import asyncio
async def w(n):
    await asyncio.sleep(n / 10)
    return n
async def f():
    out = []
    for c in asyncio.as_completed([w(3), w(1), w(2)]):
        out.append(await c)
    done, pending = await asyncio.wait([asyncio.create_task(w(i)) for i in (1, 2)], return_when=asyncio.FIRST_COMPLETED)
    out += [sorted(t.result() for t in done), len(pending)]
    for p in pending:
        p.cancel()
    s = asyncio.shield(w(1))
    try:
        await asyncio.wait_for(s, 0.05)
    except TimeoutError:
        out.append("timed out")
    loop = asyncio.get_running_loop()
    fut = loop.create_future()
    loop.call_later(0.2, fut.set_result, 7)
    loop.call_soon(out.append, "soon")
    fut.add_done_callback(lambda x: out.append(x.result()))
    out.append(await fut)
    out.append(fut)
    t = asyncio.current_task()
    out.append(t.get_name())
    out.append(len(asyncio.all_tasks()))
    return out
""",
    """
import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
var = ContextVar("var", default=0)
@asynccontextmanager
async def opened(x, log):
    log.append(("open", x))
    await asyncio.sleep(0)
    try:
        yield x * 2
    except ValueError as e:
        log.append(str(e))
    finally:
        await asyncio.sleep(0)
        log.append(("close", x))
async def child(n):
    var.set(n)
    await asyncio.sleep(0)
    return var.get()
async def agen(n):
    try:
        for i in range(n):
            yield i
            await asyncio.sleep(0.1)
    finally:
        await asyncio.sleep(0)
async def f():
    log = []
    async with opened(1, log) as a, opened(2, log) as b:
        log.append((a, b))
        raise ValueError("no")
    log.append(await asyncio.gather(child(1), child(2)))
    log.append(var.get())
    async for i in agen(3):
        if i == 1:
            break
    log.append([i async for i in agen(2)])
    g = agen(2)
    await anext(g)
    return log
""",
    """
import asyncio
async def a():
    return 1
def f():
    x = asyncio.iscoroutinefunction(a)
    y = asyncio.iscoroutine(a)
    c = a()
    z = asyncio.iscoroutine(c)
    c.close()
    loop = asyncio.new_event_loop()
    r = loop.run_until_complete(a())
    loop.close()
    with asyncio.Runner() as runner:
        s = runner.run(a())
    try:
        asyncio.run(5)
    except ValueError as e:
        t = str(e)
    return x, y, z, r, s, t
""",
    """
import asyncio
async def barrier(b, out, i):
    out.append(i)
    async with b as pos:
        out.append(("in", pos))
    return i
async def f():
    b = asyncio.Barrier(2)
    out = []
    r = await asyncio.gather(*[barrier(b, out, i) for i in range(2)])
    q = asyncio.PriorityQueue()
    for x in (3, 1, 2):
        q.put_nowait(x)
    out.append([q.get_nowait() for _ in range(3)])
    try:
        q.get_nowait()
    except asyncio.QueueEmpty as e:
        out.append(repr(e))
    return out, r
""",
]


@pytest.mark.parametrize("source", PROGRAMS)
def test_what_runs_when(source: str) -> None:
    with virtual_time():
        found = compare(source, "f()", "f")
    assert found.complete, found.wrong or found.gave_up


def test_a_task_of_a_library_coroutine_is_shown_as_it_really_is() -> None:
    source = """
import asyncio
async def f():
    task = asyncio.create_task(asyncio.sleep(0, 5))
    await task
    return task
"""
    found = compare(source, "f()", "f")
    assert found.complete, found.wrong or found.gave_up


def test_a_real_clock_gives_the_same() -> None:
    found = compare(PROGRAMS[0], "f()", "f")
    assert found.complete, found.wrong or found.gave_up


def test_an_event_loop_with_nothing_left_to_do_is_told() -> None:
    found = evaluate("import asyncio\nasync def f():\n    await asyncio.Event().wait()\n", "f()", "f")
    assert found.gave_up == "nothing is left that the event loop could go on with"


@pytest.mark.parametrize("text", ["repr(task)", "f'{task}'", "[str(task)]"])
def test_where_the_code_of_a_task_is_is_not_told(text: str) -> None:
    source = f"""
import asyncio
async def f():
    task = asyncio.create_task(asyncio.sleep(0))
    text = {text}
    await task
    return text
"""
    found = evaluate(source, "f()", "f")
    assert found.asked_at is not None or found.events[-1].provenance["value"] in ("predicted", "unknown")


RACES = [
    """
import asyncio
async def late(log, name, *delays):
    for delay in delays:
        await asyncio.sleep(delay)
    log.append(name)
async def f():
    log = []
    await asyncio.gather(late(log, "a", 0.1, 0.1), late(log, "b", 0.2))
    return log
""",
    """
import asyncio
async def f():
    timer = asyncio.create_task(asyncio.sleep(0.01))
    turns = 0
    while not timer.done() and turns < 100:
        await asyncio.sleep(0)
        turns += 1
    return turns
""",
    """
import asyncio
async def cleaned(log, name):
    try:
        await asyncio.sleep(1)
    finally:
        log.append(name)
async def boom():
    raise ValueError
async def f():
    log = []
    try:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(cleaned(log, name))
            group.create_task(boom())
    except ExceptionGroup:
        pass
    return log
""",
]


@pytest.mark.parametrize("source", RACES)
def test_what_hangs_on_how_fast_a_program_runs_is_not_told_as_computed(source: str) -> None:
    found = evaluate(source, "f()", "f")
    assert found.gave_up is None
    assert found.events[-1].provenance == {"value": "predicted"}
