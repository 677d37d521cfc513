"""Runs the doctests of a module and writes how each example ends. Python 3.8, standard library only."""

import doctest
import importlib
import json
import os
import sys
from typing import Any


def _row(test: Any, example: Any, verdict: Any, told: Any) -> None:
    line = (test.lineno or 0) + example.lineno + 1
    owner = test.name[len(test.globs.get("__name__", "")) :].lstrip(".") or "<module>"
    row = {"test": f"{owner}::doctest:{line}", "verdict": verdict, "told": told}
    with open(os.environ["CWM_LSP_OUTCOMES"], "a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


class _Runner(doctest.DocTestRunner):
    def report_start(self, out: Any, test: Any, example: Any) -> None:
        _row(test, example, "begun", "")

    def report_success(self, out: Any, test: Any, example: Any, got: Any) -> None:
        _row(test, example, "pass", "")

    def report_failure(self, out: Any, test: Any, example: Any, got: Any) -> None:
        _row(test, example, "fail", "its output differs: " + got[:200])

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        _row(test, example, "fail", f"{exc_info[0].__name__}: {exc_info[1]}"[:300])


def main() -> None:
    """Run the doctests of the module that is named."""
    for name in ("NUMBER", "ALLOW_UNICODE", "ALLOW_BYTES"):
        doctest.register_optionflag(name)
    module = importlib.import_module(sys.argv[1])
    flags = 0
    for name in filter(None, os.environ.get("CWM_LSP_DOCTEST_FLAGS", "").split(",")):
        flags |= doctest.OPTIONFLAGS_BY_NAME.get(name, 0)
    runner = _Runner(optionflags=flags)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=lambda text: None)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    main()
