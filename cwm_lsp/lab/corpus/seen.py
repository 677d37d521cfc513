"""Calls of real functions as their package's own doctests and tests make them.

A profile hook watches while the examples and tests run, and keeps the calls of module-level functions whose arguments
are all literals; those are then made again, one by one, and recorded. So also functions without an example of their own
are learnt from. Runs in a child process, as `harvest` does.
"""

# ruff: noqa: S311, SIM905

from __future__ import annotations

import contextlib
import doctest
import hashlib
import importlib
import inspect
import math
import sys
import time
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import CodeType, FrameType, ModuleType
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.lab.corpus.disjoint import normalised
from cwm_lsp.lab.corpus.harvest import LONGEST_TEXT, STANDARD, document, limited, modules, variations
from cwm_lsp.predict.prompt import Task, prepare
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.trace import wire

SIGHTINGS = 200
"""Calls of one function that are looked at."""
PER_FUNCTION = 10
"""Documents of one function, variations included."""
LONGEST_ARGUMENT = 100
"""Characters of its repr."""
PATIENCE = 2.0
"""Seconds for one example or test."""

STANDARD_TESTS = """
test__locale test_argparse test_ast test_base64 test_binhex test_bisect test_calendar test_cgi test_codecs test_colorsys
test_configparser test_copy test_csv test_datetime test_difflib test_dis test_email test_fnmatch test_fractions
test_functools test_genericpath test_getopt test_gettext test_glob test_graphlib test_heapq test_html test_htmlparser
test_http_cookies test_http_cookiejar test_inspect test_ipaddress test_json test_keyword test_linecache test_locale
test_mailcap test_mimetypes test_netrc test_ntpath test_nturl2path test_operator test_optparse test_pickletools
test_plistlib test_posixpath test_pprint test_pyclbr test_quopri test_random test_re test_reprlib test_shlex
test_statistics test_string test_stringprep test_strptime test_textwrap test_tokenize test_types test_typing
test_unicode_identifiers test_unparse test_urllib test_urlparse test_uu test_uuid test_zipfile test_decimal test_imghdr
test_sndhdr test_ucn test_wsgiref test_xml_etree test_minidom test_dataclasses test_enum test_traceback test_warnings
""".split()
"""Modules of CPython's test suite that test modules written in Python and ask nothing of their surroundings."""


class Watch:
    """Keeps the calls of functions in some files, with their arguments, while it is on."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.calls: dict[CodeType, dict[str, None]] = {}
        self._wanted = wanted
        self._left: dict[CodeType, int] = {}

    def __enter__(self) -> None:
        sys.setprofile(self._see)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        left = self._left.get(code)
        if left is None:
            module_level = not code.co_freevars and getattr(code, "co_qualname", code.co_name) == code.co_name
            left = SIGHTINGS if module_level and code.co_name[0] != "<" and self._wanted(code.co_filename) else 0
        if left <= 0:
            self._left[code] = 0
            return
        self._left[code] = left - 1
        arguments = written(frame)
        if arguments is not None:
            self.calls.setdefault(code, {})[f"{code.co_name}({arguments})"] = None


def written(frame: FrameType) -> str | None:
    """The arguments of a call that has just begun, as source; None if one of them is no literal."""
    code, values = frame.f_code, frame.f_locals
    positional = code.co_varnames[: code.co_argcount]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = iter(code.co_varnames[len(positional) + len(keywords) :])
    starred = values[next(rest)] if code.co_flags & inspect.CO_VARARGS else ()
    named = values[next(rest)] if code.co_flags & inspect.CO_VARKEYWORDS else {}
    if len(starred) > 6 or len(named) > 4:
        return None
    pairs = [(name, values[name]) for name in keywords] + list(named.items())
    unnamed = [values[name] for name in positional] + list(starred)
    if not all(is_literal(value) for value in [*unnamed, *(value for _, value in pairs)]):
        return None
    return ", ".join([*map(repr, unnamed), *(f"{name}={value!r}" for name, value in pairs)])


def is_literal(value: object) -> bool:
    """Whether `repr` of a value is a short literal."""
    return _plain(value, 3) and len(repr(value)) <= LONGEST_ARGUMENT


def _plain(value: object, depth: int) -> bool:
    kind = type(value)
    if value is None or kind in (bool, int):
        return True
    if kind in (str, bytes):
        return len(value) <= LONGEST_ARGUMENT  # type: ignore[arg-type]
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if depth == 0 or kind not in (list, tuple, dict, set) or len(value) > 12:  # type: ignore[arg-type]
        return False
    if isinstance(value, dict):
        return all(_plain(k, depth - 1) and _plain(v, depth - 1) for k, v in value.items())
    return (kind is not set or bool(value)) and all(_plain(item, depth - 1) for item in value)  # type: ignore[attr-defined]


def harvest(package: str, seconds: float) -> Iterator[dict[str, str]]:
    """Rows as `harvest.harvest` gives them; half of the time is for running, half for recording."""
    began = time.monotonic()
    found = [importlib.import_module("test")] if package == "test" else list(modules(package))
    root = str(Path(next(iter(found)).__file__ or "").parent) if found else ""
    library = str(Path(root).parent)
    watch = Watch(
        (lambda name: name.startswith(library) and "/test/" not in name and "-packages" not in name)
        if package == "test"
        else (lambda name: name.startswith(root) and "/tests/" not in name)
    )
    for run in workload(package, found):
        if time.monotonic() - began > seconds * 0.4:
            break
        with limited(PATIENCE), watch:
            run()
        sys.setprofile(None)
    yield from recorded(watch, began + seconds)


def workload(package: str, found: list[ModuleType]) -> Iterator[Callable[[], object]]:
    """What to run: tests, then examples."""
    # In any order, as time may be up before the last.
    names = [f"test.{name}" for name in STANDARD_TESTS] if package == "test" else list(test_modules(found))
    names = Random(0).sample(names, len(names))
    for name in names:
        module = None
        with contextlib.suppress(BaseException), limited(20):
            module = importlib.import_module(name)
        if module is None:
            continue
        for test in _flat(unittest.TestLoader().loadTestsFromModule(module)):
            yield test.debug
        for name, value in list(vars(module).items()):
            if name.startswith("test") and inspect.isfunction(value):
                yield value
            elif name.startswith("Test") and inspect.isclass(value) and not issubclass(value, unittest.TestCase):
                for method in [method for method in vars(value) if method.startswith("test")]:
                    yield lambda value=value, method=method: _run_method(value, method)  # type: ignore[misc]
    for module in [importlib.import_module(name) for name in STANDARD] if package == "test" else found:
        with contextlib.suppress(BaseException), limited(20):
            for examples in doctest.DocTestFinder(exclude_empty=True).find(module):
                yield lambda examples=examples: run_examples(examples)  # type: ignore[misc]


def test_modules(found: list[ModuleType]) -> Iterator[str]:
    """Names of the test modules that a package ships."""
    for module in found:
        for path in sorted(Path(module.__file__ or "").parent.glob("test*/test_*.py")):
            if (module.__file__ or "").endswith("__init__.py"):
                yield f"{module.__name__}.{path.parent.name}.{path.stem}"


def run_examples(test: doctest.DocTest) -> None:
    for example in test.examples:
        with contextlib.suppress(Exception):
            exec(example.source, test.globs)  # noqa: S102 - foreign code, in a child process


def _run_method(made: type, method: str) -> None:
    instance = made()
    for first in ("setup_class", "setup_method", "setup"):
        if hasattr(instance, first):
            getattr(instance, first)()
    getattr(instance, method)()


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestCase):
            yield test
        else:
            yield from _flat(test)


def recorded(watch: Watch, until: float) -> Iterator[dict[str, str]]:
    """The documents of all functions that were seen, until time is up."""
    by_file: dict[str, list[CodeType]] = {}
    for code in watch.calls:
        by_file.setdefault(code.co_filename, []).append(code)
    known = {getattr(module, "__file__", None): module for module in list(sys.modules.values())}
    for path, codes in by_file.items():
        module = known.get(path)
        if module is None or not path.endswith(".py"):
            continue
        source = Path(path).read_text(encoding="utf-8", errors="replace")
        by_line = {function.first_line: function for function in functions(source)}
        for code in codes:
            function = by_line.get(code.co_firstlineno)
            if function is None or getattr(vars(module).get(code.co_name), "__code__", None) is not code:
                continue
            body = "\n".join(source.split("\n")[function.first_line - 1 : function.last_line])
            if len(body) < LONGEST_TEXT * 0.75 and time.monotonic() < until:
                digest = hashlib.sha256(normalised(body).encode()).hexdigest()[:16]
                for text in documents(module, path, source, function, list(watch.calls[code])):
                    yield {"text": text, "function": digest, "package": module.__name__.partition(".")[0]}


def documents(module: ModuleType, path: str, source: str, function: Function, calls: list[str]) -> Iterator[str]:
    """What some of the calls, and variations of them, do."""
    r = Random(function.qualname)
    made = tried = 0
    try:
        contexts = list(prepare(Task(path, source, function, calls[0])).contexts())
    except UserError:
        return
    # Large files take long to parse: only what the function reaches is left of the text, where it is.
    reached = set(contexts[1].replace(wire.START_OF_TRACE, "").split("\n"))
    source = "\n".join(line if line in reached else "" for line in source.split("\n"))
    for call in r.sample(calls, len(calls)):
        for one in (call, *variations(call, r, 1)):
            text = document(dict(vars(module)), path, source, function, one, contexts)
            tried += 1
            if text is not None and f"{wire.ACTION_SEP}\n" not in text:
                made += 1
                yield text
        if made >= PER_FUNCTION or tried >= 3 * PER_FUNCTION:
            return
