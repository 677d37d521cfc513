"""Modules of the standard library do what the evaluator says."""

# ruff: noqa: E501

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Limits
from tests.evaluate.recording import FILE, contradictions, evaluate, only_on_the_reference, record_in

pytestmark = [only_on_the_reference, pytest.mark.long]
CALLS = {
    "base64": ["b64encode(b'hello')", "b32encode(b'hi')", "b16decode('AB', True)", "urlsafe_b64encode(b'??>')"],
    "bisect": ["bisect_left([1, 3, 5], 3)", "insort([1, 3, 5], 4)", "bisect_right([1, 3, 5], 3, key=lambda x: -x)"],
    "calendar": ["monthrange(2024, 2)", "weekday(2024, 1, 1)", "Calendar().monthdayscalendar(2023, 5)"],
    "collections": ["Counter('hello') + Counter('world')", "namedtuple('P', 'x y')(1, 2)"],
    "colorsys": ["rgb_to_hsv(0.2, 0.4, 0.4)", "hls_to_rgb(0.5, 0.5, 0.5)", "rgb_to_yiq(.1, .2, .3)"],
    "difflib": ["SequenceMatcher(None, 'abcd', 'bcde').ratio()", "list(ndiff(['a\\n'], ['b\\n']))"],
    "fnmatch": ["translate('*.py')", "fnmatchcase('a.py', '*.py')"],
    "fractions": ["Fraction(3, 4) + Fraction(1, 6)", "Fraction('3.25')", "Fraction(1, 2) ** 3", "round(Fraction(7, 2))"],
    "graphlib": ["list(TopologicalSorter({'D': {'B'}, 'B': {'A'}}).static_order())"],
    "heapq": ["nlargest(2, [5, 1, 4])", "list(merge([1, 4], [2, 3]))"],
    "html": ["escape('<a href=\"x\">')", "unescape('&lt;&amp;&#65;')"],
    "ipaddress": ["ip_address('192.168.0.1')", "ip_network('10.0.0.0/30').num_addresses", "ip_address('x')"],
    "json.encoder": ["JSONEncoder().encode({'a': [1, None, True, 'x']})"],
    "posixpath": ["join('a', '/b', 'c')", "normpath('a//b/../c/.')", "commonpath(['/a/b', '/a/c'])"],
    "pprint": ["pformat([1, 2])"],
    "shlex": ["split('a \"b c\" d')", "quote('it')"],
    "statistics": ["mean([1, 2, 3, 4])", "median([5, 1, 2])", "mode('aabbb')", "quantiles([1, 2, 3, 4, 5], n=4)"],
    "string": ["capwords('hello world')", "Template('$who likes').substitute(who='tim')"],
    "textwrap": ["fill('the quick brown fox jumps over the lazy dog', 15)", "dedent('  a\\n   b\\n')", "indent('a\\nb', '>')"],
    "urllib.parse": ["urlparse('http://u:p@h:80/p;x?q=1#f')", "urlencode({'a': 1, 'b': 'x y'})", "urljoin('http://a/b/c', '../d')"],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls_into_the_library_are_never_called_computed_wrongly(name: str) -> None:
    original = importlib.import_module(name)
    assert original.__file__ is not None
    source = Path(original.__file__).read_text()
    for call in CALLS[name]:
        module = types.ModuleType(name)
        module.__package__ = original.__package__
        module.__file__ = original.__file__
        sys.modules[name] = module
        try:
            exec(compile(source, FILE, "exec", dont_inherit=True), module.__dict__)
            recorded = record_in(module, call, None)
        finally:
            sys.modules[name] = original
        evaluated = evaluate(source, call, None, limits=Limits(seconds=5), name=name)
        wrong = contradictions(recorded, evaluated, whole=not recorded.cut)
        assert not wrong, f"{call}\n{wrong[0]}"
