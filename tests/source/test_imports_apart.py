"""Imports inside of a call, told as statements before it."""

from __future__ import annotations

import pytest

from cwm_lsp.source.prepared import with_imports


@pytest.mark.parametrize(
    ("call", "taken", "told"),
    [
        ("f(__import__('shop.models').models.Kind.FOOD)", (), "from shop.models import Kind; f(Kind.FOOD)"),
        ("f([__import__('a').A(1), __import__('a').A(2)])", (), "from a import A; f([A(1), A(2)])"),
        ("f(__import__('a').A(__import__('b').B()))", (), "from a import A; from b import B; f(A(B()))"),
        ("f(__import__('re').compile('a'))", (), "import re; f(re.compile('a'))"),
        ("f(__import__('a').A(1))", ("A",), "f(__import__('a').A(1))"),
        ("A(__import__('a').A(1))", (), "A(__import__('a').A(1))"),
        ("f(__import__('a').A, __import__('b').A)", (), "f(__import__('a').A, __import__('b').A)"),
        ("f(__import__('a').open)", (), "f(__import__('a').open)"),
        ("f(__import__('a'))", (), "f(__import__('a'))"),
        ("f(1)", (), "f(1)"),
    ],
)
def test_imports_come_before_where_their_names_are_free(call: str, taken: tuple[str, ...], told: str) -> None:
    assert with_imports(call, taken) == told
    assert with_imports(call, None) == call
