"""Files compiled with comprehensions as functions mean what they meant."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import cwm_lsp.record  # noqa: F401

PROGRAM = textwrap.dedent("""
    import asyncio
    calls = []

    class Numbers:
        def __iter__(self):
            calls.append("iter")
            return self
        def __next__(self):
            calls.append("next")
            if len(calls) > 6:
                raise StopIteration
            return len(calls)

    class Holder:
        base = 3
        rows = [n for n in range(base)]
        def sizes(self):
            __secret = 2
            return [__secret + n for n in self.rows], [super(Holder, self).__init__() for _ in range(1)]

    def walrus(xs):
        return [last := x for x in xs], last

    def shadow(iter, xs):
        iter = [iter for iter in xs]
        return iter, {k: v for k, v in zip(xs, iter)}, {x % 2 for x in {1, 2, 3}}

    def dropped():
        log = []
        def g():
            try:
                yield 1
                yield 2
            finally:
                log.append("closed")
        any(x for x in g())
        return log

    async def waits():
        async def agen():
            yield 1
        async def one():
            return 1
        return [x async for x in agen()], [await one() for _ in range(2)], [y async for y in (x async for x in agen())]

    def stops():
        it = iter([1])
        try:
            return [next(it) for _ in range(3)]
        except StopIteration as error:
            return error.__traceback__.tb_next.tb_frame.f_code.co_name if error.__traceback__.tb_next else "f"

    result = [
        [n for n in Numbers()], calls, Holder().sizes(), walrus([1, 2]), shadow(0, [3, 4]), dropped(),
        asyncio.run(waits()), [[y for y in x if y] for x in [[1, 0], (2,)]], {n: [n, *[n]] for n in (1, 2)},
        sorted(x for x in [2, 1]), [f"{a}{b}" for a in "xy" for b in "12" if a != b], [lambda: n for n in (1,)][0](),
    ]
    print(result)
""")

COMPARE = """
import sys
sys.path.insert(0, {folder!r})
import comprehensions
source = open({program!r}).read()
for code in (compile(source, "program.py", "exec"), comprehensions.compile_module(source, "program.py")):
    exec(code, {{"__name__": "program"}})
"""


@pytest.mark.parametrize("version", ["3.8", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("options", [[], ["-X", "no_debug_ranges"]])
def test_outlined_comprehensions_mean_the_same(version, options, pythons, tmp_path):
    if version not in pythons:
        pytest.skip(f"needs Python {version}")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    folder = Path(sys.modules["cwm_lsp.record"].__file__).parent
    script = COMPARE.format(folder=str(folder), program=str(program))
    done = subprocess.run([pythons[version], *options, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plain, ours = done.stdout.splitlines()
    assert ours == plain


def test_the_recorder_imports_nothing_that_an_old_python_lacks(pythons):
    oldest = next(iter(pythons.values()))
    folder = Path(sys.modules["cwm_lsp.record"].__file__).parent
    modules = (
        "stack, quiet, reach, reprs, atoms, values, tracers, framed, scope, recording, probe, lines, gathering, "
        "comprehensions, importing"
    )
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); import {modules}"
    subprocess.run([oldest, "-S", "-c", script], check=True)
