"""The example files do what their texts say, and every function of theirs can be called."""

import doctest
import sys
from pathlib import Path
from types import ModuleType

import pytest

import cwm_lsp.examples
from cwm_lsp.source.calls import bind, candidates
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import functions

BUNDLED = Path(cwm_lsp.examples.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "examples"
FILES = [path for path in sorted([*BUNDLED.rglob("*.py"), *DOCS.glob("*.py")]) if path.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_doctest_that_shows_the_bug_fails(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setitem(sys.modules, "example", ModuleType("example"))  # dataclasses look at theirs
    namespace = {"__name__": "example", "__file__": str(path)}
    text = read_source(path)
    exec(compile(text, str(path), "exec"), namespace)
    failed = []
    runner = doctest.DocTestRunner(verbose=False)
    parser = doctest.DocTestParser()
    for function in functions(text):
        test = parser.get_doctest(function.docstring or "", dict(namespace), function.qualname, str(path), 0)
        runner.run(test, out=failed.append)
    assert runner.summarize(verbose=False).failed == (1 if path.name == "invoice.py" else 0), "".join(failed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_function_has_a_call(path):
    text = read_source(path)
    for function in functions(text):
        calls = candidates(text, function, path=str(path))
        assert calls, function.qualname
        if calls[0].indirect or "Item(" in calls[0].expression:
            continue  # it comes by way of another function's call; its arguments are no literals
        binding = bind(calls[0].expression, function, text)
        assert [name for name, value in binding.arguments.items() if value is None] in ([], ["self"])


def test_the_parser_crashes_on_the_empty_field_of_its_main_guard():
    namespace = {"__name__": "example"}
    exec(read_source(DOCS / "people.py"), namespace)
    with pytest.raises(ValueError, match="invalid literal for int"):
        namespace["oldest"]("Ada,36,London\nGrace,,New York")
