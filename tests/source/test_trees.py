"""Syntax trees, also where several threads parse at once."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from cwm_lsp.source.trees import expression_of, tree_of


class _Cycle:
    """Garbage whose end runs Python code, so that another thread may get its turn in the middle of a parse."""

    def __init__(self) -> None:
        self.own = self
        weakref.finalize(self, sum, range(2_000))


def test_threads_that_parse_do_not_disturb_each_other() -> None:
    text = "x = [" + ", ".join(f"f({n}, (a + {n}) * b[{n}])" for n in range(150)) + "]\n"

    def work(_: int) -> int:
        for _ in range(15):
            garbage = [_Cycle() for _ in range(20)]
            del garbage
            assert len(tree_of(text).body) == 1
            expression_of("(((((1 + 2)))))")
        return 1

    before = gc.get_threshold()
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(work, range(8))) == 8
    finally:
        gc.set_threshold(*before)
