"""The library that everyday code uses, where it differs from run to run."""

from __future__ import annotations

import pytest

from .recording import compare


@pytest.mark.parametrize(
    ("imports", "expression"),
    [
        ("import os", "os.environ['PATH']"),
        ("import os", "len(os.environ)"),
        ("import os", "os.getcwd()"),
        ("import random", "random.Random().random()"),
        ("import random", "random.randint(1, 6)"),
        ("import time", "time.time()"),
        ("import time", "time.gmtime()"),
        ("import threading", "threading.current_thread()"),
        ("import weakref\nclass C: pass", "weakref.ref(C())()"),
        ("import csv", "list(csv.reader(['a'], 'registered'))"),
        ("import locale, datetime\nlocale.setlocale(locale.LC_ALL, '')", "datetime.date(2020, 1, 1).strftime('%B')"),
        ("import logging", "logging.Formatter('%(asctime)s').format(logging.LogRecord('a', 10, '', 1, 'b', (), None))"),
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_not_computed(imports: str, expression: str) -> None:
    comparison = compare(f"{imports}\ndef f():\n    return {expression}\n", "f()", "f")
    values = [event.provenance["value"] for event in comparison.got if event.kind in ("return", "exception")]
    assert comparison.asked or comparison.gave_up or "computed" not in values, comparison.got[-1]
