"""Random programs of generators and coroutines: where they suspend, what is thrown into them, and how they end."""

# ruff: noqa: E501

from __future__ import annotations

import random
from collections.abc import Callable

ERRORS = ["ValueError", "KeyError('k')", "StopIteration(3)", "GeneratorExit", "RuntimeError('r')", "ValueError(1)"]
CAUGHT = [
    "ValueError",
    "KeyError",
    "(ValueError, KeyError)",
    "Exception",
    "GeneratorExit",
    "BaseException",
    "RuntimeError",
]

PRELUDE = """
import asyncio
from contextlib import asynccontextmanager, contextmanager
from types import coroutine
class Items:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration(self.n) if self.n else StopIteration
        self.n -= 1
        return self.n
class Wide(Items):
    def send(self, value):
        if value == 3:
            raise StopIteration(value)
        return value
    def throw(self, kind, value=None, trace=None):
        if isinstance(kind, type) and issubclass(kind, ValueError):
            return 'thrown'
        raise kind
    def close(self):
        self.n = 0
class Guard:
    def __init__(self, swallow=False):
        self.swallow = swallow
    def __enter__(self):
        return 'in'
    def __exit__(self, kind, error, trace):
        return self.swallow and kind is not GeneratorExit
    async def __aenter__(self):
        await pause(1)
        return 'in'
    async def __aexit__(self, kind, error, trace):
        await pause(2)
        return self.swallow and kind is ValueError
class Box:
    def __init__(self):
        self.value = 0
        self.items = [1, 2, 3]
    def put(self, *items, **named):
        self.items.extend(items)
        return len(named)
class Later:
    def __init__(self, value):
        self.value = value
    def __await__(self):
        got = yield self.value
        return got or self.value
@coroutine
def pause(value):
    return (yield value)
def ident(*args, **named):
    return args[0] if args else None
@contextmanager
def managed(value):
    try:
        yield value
    finally:
        value = None
@asynccontextmanager
async def amanaged(value):
    await pause(value)
    try:
        yield value
    finally:
        await pause(value)
"""
DRIVER = """
def drive(it, plan):
    out = []
    for how, value in plan:
        try:
            if how == 'next':
                out.append(next(it))
            elif how == 'send':
                out.append(it.send(value))
            elif how == 'throw':
                out.append(it.throw(value))
            elif how == 'throw3':
                out.append(it.throw(type(value), value))
            elif how == 'close':
                out.append(it.close())
        except StopIteration as end:
            out.append(('end', end.value))
        except BaseException as error:
            out.append(repr(error))
    return out
"""


class Writer:
    """Writes one random function body."""

    def __init__(
        self, rng: random.Random, *, awaits: bool, callees: list[str], aiters: list[str], yields: bool = False
    ) -> None:
        self.rng = rng
        self.awaits = awaits
        self.yields = yields
        self.callees = callees
        """Functions whose generators or coroutines may be waited for."""
        self.aiters = aiters
        self.lines: list[str] = []
        self.left = rng.randint(4, 12)

    def waiting(self) -> str:
        """An expression that suspends."""
        rng = self.rng
        inner = self.expr(0.2) if rng.random() < 0.3 else str(rng.randint(0, 9))
        if self.awaits:
            options = [f"await pause({inner})", f"await Later({inner})", "await pause(4)"]
            options += [f"await {name}({rng.randint(0, 3)})" for name in self.callees] * 2
            options += ["yield 5", f"yield {inner}"] * self.yields
            if rng.random() < 0.05:
                options = [f"await {inner}"]
            return f"({rng.choice(options)})"
        options = [f"yield {inner}", "yield", f"yield {inner}"]
        options += [f"yield from {name}({rng.randint(0, 3)})" for name in self.callees] * 2
        options += [
            f"yield from Items({rng.randint(-1, 3)})",
            f"yield from Wide({rng.randint(0, 3)})",
            "yield from [1, 2]",
        ]
        if rng.random() < 0.05:
            options = [f"yield from {inner}"]
        return f"({rng.choice(options)})"

    def expr(self, suspends: float = 0.5) -> str:
        rng = self.rng

        def part() -> str:
            return (
                self.waiting() if rng.random() < suspends else rng.choice(["a", "b", "1", "[1, 2]", "box", "'s'", "0"])
            )

        form = rng.choice([
            "{}", "{}", "{}", "({}, {})", "[{}, {}]", "[*({}, 1), {}]", "ident({}, {})", "ident(*[{}], k={})", "box.put({})", "box.put({}, k={})",
            "{} or {}", "{} and {}", "not {}", "{} if {} else {}", "{} == {}", "1 < 2 < len(str({}))", "f'''{{({})!r}} {{({})}}'''", "{{'k': {}, {}: 1}}",
            "box.items[:{}]", "(w := {})", "(lambda q={}: q)()", "{{{}, 1}}", "ident({})", "[q for q in ({}, {})]", "dict(**{{'k': {}}}, m={})", "str({}).upper()",
            "[{} for q in range(2)]" if self.awaits and not self.yields else "{}", "{{q: {} for q in range(2)}}" if self.awaits and not self.yields else "{}",
            "list(q for q in [{}])", "{} is {}", "[{}][0]",
        ])  # fmt: skip
        return form.format(*[part() for _ in range(3)])

    def block(self, depth: int, indent: int) -> None:
        count = self.rng.randint(1, 3)
        for _ in range(count):
            self.statement(depth, indent)

    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def statement(self, depth: int, indent: int) -> None:
        rng = self.rng
        self.left -= 1
        if self.left < 0 or depth > 2 or rng.random() < 0.55:
            self.put(indent, self.simple())
            return
        kind = rng.choice(["if", "while", "for", "try", "try", "finally", "finally", "with", "match", "afor"])
        if kind == "if":
            self.put(indent, f"if {self.expr()}:")
            self.block(depth + 1, indent + 1)
            if rng.random() < 0.5:
                self.put(indent, "else:")
                self.block(depth + 1, indent + 1)
        elif kind == "while":
            self.put(indent, "n = 0")
            self.put(indent, f"while n < 2{' and ' + self.expr() if rng.random() < 0.4 else ''}:")
            self.put(indent + 1, "n += 1")
            self.block(depth + 1, indent + 1)
            if rng.random() < 0.3:
                self.put(indent + 1, rng.choice(["break", "continue"]))
        elif kind == "afor" and self.awaits and self.aiters:
            self.put(indent, f"async for a in {rng.choice(self.aiters)}({rng.randint(0, 3)}):")
            self.block(depth + 1, indent + 1)
            if rng.random() < 0.3:
                self.put(indent + 1, rng.choice(["break", "continue"]))
            if rng.random() < 0.3:
                self.put(indent, "else:")
                self.block(depth + 1, indent + 1)
        elif kind in ("for", "afor"):
            self.put(
                indent, f"for a in {rng.choice(['range(2)', '[' + self.waiting() + ', 2]', '(' + self.expr() + ',)'])}:"
            )
            self.block(depth + 1, indent + 1)
            if rng.random() < 0.3:
                self.put(indent + 1, rng.choice(["break", "continue"]))
        elif kind in ("try", "finally"):
            self.put(indent, "try:")
            self.block(depth + 1, indent + 1)
            if kind == "try":
                self.put(indent, f"except {rng.choice(CAUGHT)}{rng.choice([' as e', ''])}:")
                self.block(depth + 1, indent + 1)
                if rng.random() < 0.2:
                    self.put(indent + 1, "raise")
            if kind == "finally" or rng.random() < 0.2:
                self.put(indent, "finally:")
                self.block(depth + 1, indent + 1)
        elif kind == "with":
            manager = rng.choice(["Guard()", "Guard(True)", f"ident(Guard({self.waiting()}))"])
            if self.awaits and rng.random() < 0.7:
                self.put(indent, f"async with {rng.choice([manager, 'amanaged(1)'])} as c:")
            else:
                self.put(indent, f"with {rng.choice([manager, 'managed(2)'])} as c:")
            self.block(depth + 1, indent + 1)
        else:
            self.put(indent, f"match {self.expr()}:")
            self.put(indent + 1, rng.choice(["case [x, *_]:", "case 1 | 2:", "case str():"]))
            self.block(depth + 1, indent + 2)
            self.put(indent + 1, "case _:")
            self.block(depth + 1, indent + 2)

    def simple(self) -> str:
        rng = self.rng
        options: list[Callable[[], str]] = [
            lambda: f"a = {self.expr()}", lambda: f"b = {self.expr()}", lambda: self.waiting(), lambda: f"a = {self.waiting()}",
            lambda: f"box.value = {self.expr()}", lambda: f"box.items[{self.expr(0.3)}] = {self.expr()}", lambda: f"a, b = {self.expr()}, {self.expr()}",
            lambda: f"b += {self.expr()}", lambda: f"box.value += {self.expr()}", lambda: f"box.items[0] += {self.expr()}", lambda: f"assert {self.expr()}, {self.expr()}",
            lambda: f"raise {rng.choice(ERRORS)}", lambda: "return" if self.yields else f"return {self.expr()}", lambda: f"del box.items[{self.expr()}]", lambda: f"x: int = {self.expr()}",
            lambda: f"if {self.expr(0.2)}: return" + ("" if self.yields else f" {self.expr()}"), lambda: f"raise ident({self.expr()}, {self.waiting()}) from {self.expr(0.1)}",
            lambda: f"def inner(q={self.expr()}): return q", lambda: "pass",
        ]  # fmt: skip
        return rng.choice(options)()

    def body(self) -> str:
        for _ in range(self.rng.randint(2, 4)):
            self.statement(0, 1)
        return "\n".join(self.lines)


def plan(rng: random.Random, length: int) -> str:
    steps = []
    for _ in range(length):
        how = rng.choice(
            ["next", "next", "send", "send", "throw", "throw3", "close"]
            if rng.random() < 0.4
            else ["send", "send", "next"]
        )
        value = (
            rng.choice(ERRORS)
            if how == "throw"
            else "ValueError(2)"
            if how == "throw3"
            else rng.choice(["None", "3", "1", "[]"])
        )
        steps.append(f"({how!r}, {value})")
    return "[('send', None), " + ", ".join(steps) + "]"


def generators(seed: int) -> str:
    """A program of generators."""
    rng = random.Random(seed)
    text, callees = PRELUDE + DRIVER, []
    for name in ("g0", "g1", "g2"):
        body = Writer(rng, awaits=False, callees=callees, aiters=[]).body()
        text += f"def {name}(a, b=2):\n    box = Box()\n{body}\n    yield a\n"
        callees.append(name)
    return text + driver(rng, callees)


def coroutines(seed: int) -> str:
    """A program of coroutines and asynchronous generators, driven step by step."""
    rng = random.Random(seed)
    text, callees, aiters = PRELUDE + DRIVER, [], []
    for name in ("c0", "a0", "c1", "a1", "c2"):
        body = Writer(rng, awaits=True, callees=callees, aiters=aiters, yields=name[0] == "a").body()
        text += f"async def {name}(a, b=2):\n    box = Box()\n{body}\n"
        if name[0] == "a":
            lines = ["    yield a", "    await pause(1)", "    b = yield b", "    yield 3"]
            text += "\n".join(rng.sample(lines, rng.randint(1, 4))) + "\n    yield b\n"
            aiters.append(name)
            text += (
                f"async def use_{name}(n):\n    it = {name}(n)\n    out = [await anext(it, None)]\n    try:\n"
                f"        out.append(await it.{rng.choice(['asend(3)', 'athrow(ValueError(1))', 'aclose()', 'asend(None)'])})\n"
                f"    except {rng.choice(['Exception', 'StopAsyncIteration', 'ValueError'])} as e:\n        out.append(repr(e))\n"
                f"    {rng.choice(['await it.aclose()', 'pass', 'out += [q async for q in it]'])}\n    return out\n"
            )
            callees.append(f"use_{name}")
        else:
            callees.append(name)
    return text + driver(rng, callees)


def driver(rng: random.Random, callees: list[str]) -> str:
    lines = ["def f():", "    out = []"]
    for _ in range(rng.randint(1, 3)):
        lines.append(f"    it = {rng.choice(callees[-3:])}({rng.randint(0, 3)})")
        lines.append(f"    out.append(drive(it, {plan(rng, rng.randint(1, 8))}))")
        if rng.random() < 0.3:
            lines.append("    del it")
    return "\n".join([*lines, "    return out", ""])


LOOP_EXPRESSIONS = [
    "await asyncio.sleep(0)", "await asyncio.sleep({delay})", "await asyncio.sleep({delay}, {n})", "await {callee}({n})",
    "await asyncio.gather({callee}({n}), {callee}({n}))", "await asyncio.gather({callee}({n}), asyncio.sleep({delay}, 5), return_exceptions=True)",
    "await asyncio.wait_for({callee}({n}), {delay})", "await asyncio.shield({callee}({n}))", "await asyncio.create_task({callee}({n}))",
    "await queue.put({n})", "queue.put_nowait({n})", "await asyncio.wait_for(queue.get(), {delay})", "queue.qsize()", "event.set()", "event.clear()",
    "await asyncio.wait_for(event.wait(), {delay})", "task.cancel()", "await task", "task.done()", "task", "asyncio.current_task().get_name()",
    "len(asyncio.all_tasks())", "future.set_result({n})", "await future", "future.done()", "lock.locked()", "[i async for i in ticks({n})]",
    "await asyncio.wait([task], timeout={delay})", "await anext(ticks({n}), None)", "asyncio.get_running_loop().call_later({delay}, log.append, {n})",
    "asyncio.get_running_loop().call_soon(log.append, {n})", "asyncio.ensure_future({callee}({n}))", "variable.get()", "variable.set({n})",
    "[await c for c in asyncio.as_completed([task])]", "task.add_done_callback(lambda t: log.append(t.cancelled()))",
]  # fmt: skip
LOOP_PRELUDE = """
import asyncio
from contextvars import ContextVar
variable = ContextVar("variable", default=0)
log = []
async def ticks(n):
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield i
    finally:
        await asyncio.sleep(0)
        log.append('ticked')
"""


class LoopWriter:
    """Writes one random coroutine function that works with an event loop."""

    def __init__(self, rng: random.Random, callees: list[str], delays: list[str]) -> None:
        self.rng = rng
        self.callees = callees
        self.delays = delays
        self.lines: list[str] = []

    def expr(self) -> str:
        rng = self.rng
        while True:
            form = rng.choice(LOOP_EXPRESSIONS)
            if "{callee}" not in form or self.callees:
                callee = rng.choice(self.callees or [""])
                return form.format(callee=callee, n=rng.randint(0, 3), delay=rng.choice(self.delays))

    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def statement(self, depth: int, indent: int) -> None:
        rng = self.rng
        kind = rng.choice(
            ["simple"] * 6 + (["try", "finally", "lock", "timeout", "group", "for", "if", "afor"] if depth < 2 else [])
        )
        if kind == "simple":
            form = rng.choice(
                ["r = {}", "r = {}", "{}", "log.append({})", "{}", "raise ValueError({})", "return {}", "task = {}"]
            )
            if form in ("raise ValueError({})", "return {}") and rng.random() < 0.7:
                form = "{}"
            self.put(
                indent,
                form.format(
                    self.expr()
                    if "task =" not in form
                    else f"asyncio.create_task({rng.choice(self.callees)}(1))"
                    if self.callees
                    else "task"
                ),
            )
            return
        if kind in ("try", "finally"):
            self.put(indent, "try:")
            self.block(depth, indent)
            if kind == "try":
                kinds = rng.choice(
                    ["Exception", "asyncio.TimeoutError", "asyncio.CancelledError", "ValueError", "BaseException"]
                )
                self.put(indent, f"except {kinds} as e:")
                self.put(indent + 1, "log.append(repr(e))")
                if rng.random() < 0.4:
                    self.put(indent + 1, rng.choice(["raise", self.expr()]))
            else:
                self.put(indent, "finally:")
                self.block(depth, indent)
            return
        heads = {
            "lock": f"async with {rng.choice(['lock', 'semaphore', 'condition'])}:", "timeout": f"async with asyncio.timeout({rng.choice(self.delays)}):",
            "group": "async with asyncio.TaskGroup() as group:", "for": "for i in range(2):", "if": f"if {self.expr()}:", "afor": f"async for i in ticks({rng.randint(0, 3)}):",
        }  # fmt: skip
        self.put(indent, heads[kind])
        if kind == "group" and self.callees:
            self.put(indent + 1, f"group.create_task({rng.choice(self.callees)}({rng.randint(0, 3)}))")
        self.block(depth, indent)
        if kind in ("for", "afor") and rng.random() < 0.3:
            self.put(indent + 1, "break")
            self.put(indent, "log.append(0)")

    def block(self, depth: int, indent: int) -> None:
        for _ in range(self.rng.randint(1, 2)):
            self.statement(depth + 1, indent + 1)

    def body(self) -> str:
        for _ in range(self.rng.randint(2, 4)):
            self.statement(0, 1)
        return "\n".join(self.lines)


def loops(seed: int) -> str:
    """A program of asyncio's tasks."""
    rng = random.Random(seed)
    delays = rng.sample(["0.02", "0.045", "0.09", "0.07", "0.013", "0.03"], 3)
    text, callees = LOOP_PRELUDE, list[str]()
    shared = (
        "queue = asyncio.Queue(2); event = asyncio.Event(); lock = asyncio.Lock(); semaphore = asyncio.Semaphore(2); "
        "condition = asyncio.Condition(); future = asyncio.get_running_loop().create_future()"
    )
    for name in ("w0", "w1", "w2"):
        body = LoopWriter(rng, list(callees), delays).body()
        text += f"async def {name}(n):\n    task = asyncio.current_task()\n{body}\n    return n\n"
        callees.append(name)
    body = LoopWriter(rng, callees, delays).body()
    return (
        text
        + f"async def main():\n    global queue, event, lock, semaphore, condition, future\n    {shared}\n"
        + f"    task = asyncio.create_task(w2(1))\n{body}\n    return log\ndef f():\n    return asyncio.run(main()), log\n"
    )
