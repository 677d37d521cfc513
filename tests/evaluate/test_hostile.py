"""Nothing that a file may hold takes more time or memory than an evaluation has, and the next one goes on.

Memory is measured where it is taken, in the process that evaluates.
"""

import sys
import threading
import time

import psutil
import pytest

from cwm_lsp.evaluate import Evaluator, Limits, Question
from cwm_lsp.evaluate.evaluator import MEMORY
from tests.evaluate.hostile import CASES

pytestmark = pytest.mark.slow

MOST = MEMORY + 150 * 2**20
"""Bytes: the process itself, what an evaluation may have, and what it gets before somebody has looked."""
COUNTED = [
    "extend_iter", "extend_map", "slice_iter", "list_bytearray", "list_bytes", "map_pow", "pow_none",
    "accumulate_add", "map_int_decimal", "map_fraction", "collide_set", "collide_fromkeys", "collide_update",
    "keys_and_range", "keys_or_range", "set_inter_range", "items_and", "chain_rep", "normalize",
    "map_normalize", "normalize_nfkd", "statistics_decimal", "slot_contains", "type_set_map", "type_enum_map",
    "type_call_map", "bytes_map", "textwrap_map", "partial_mul", "operator_pow_partial", "map_mul",
    "json_separator", "sum_map", "repr_shared", "deque_maxlen", "star_list", "difflib_ndiff",
]  # fmt: skip
"""Those that end by a count: the process survives them."""
TEXT = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"


@pytest.fixture(scope="module")
def evaluator():
    evaluator = Evaluator()
    yield evaluator
    evaluator.close()


def steps(evaluation):
    for step in evaluation:
        if isinstance(step, Question):
            evaluation.answer({} if step.kind == "values" else None)
    return evaluation


class Peak:
    """The most memory that a process has had."""

    def __init__(self, pid):
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self._over.is_set():
            try:
                self.bytes = max(self.bytes, self._process.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def survived(evaluator, name):
    """How the evaluation of a case went, and the most memory that the process had."""
    assert steps(evaluator.evaluate(TEXT, "f(3)", "f")).outcome.value == "3"
    with Peak(evaluator.pid) as peak:
        evaluation = steps(evaluator.evaluate(CASES[name], "f()", "f", limits=Limits(events=1_001, seconds=4)))
    return evaluation, peak.bytes


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_counted_is_ended_by_a_count(evaluator, name):
    evaluation, peak = survived(evaluator, name)
    assert peak < MOST
    assert "was ended" not in (evaluation.gave_up or "")
    assert evaluation.outcome is None or name in ("slice_iter", "repr_shared")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is only watched")
@pytest.mark.parametrize("name", CASES)
def test_every_one_has_an_end_within_its_memory(evaluator, name):
    evaluation, peak = survived(evaluator, name)
    assert evaluation.outcome is not None or evaluation.gave_up
    assert peak < MOST
