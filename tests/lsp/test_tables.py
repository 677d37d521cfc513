"""Arrays and tables beside code: type, shape and what there is room for."""

import re

import numpy as np
import pytest

from cwm_lsp.lsp.views.shorten import shorten
from cwm_lsp.lsp.views.tables import Table

KINDS = ("bool", "int8", "int64", "uint16", "float32", "float64", "complex128", "<U3", "object")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2), (40, 3), (0, 3), (2000, 2)])
def test_arrays_have_type_and_shape(kind, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    told = Table.of(repr(array))
    if told is None:
        assert array.size == 0 and array.ndim == 1
        return
    assert told.head == f"{array.dtype.str.lstrip('|') if kind == '<U3' else array.dtype} {shape}"
    assert told.body.startswith("[")
    for width in (8, 20, 40, 80):
        short = shorten(repr(array), width)
        assert len(short) <= width and "\n" not in short
        if "[" in short:
            assert short.count("[") == short.count("]")


def test_values_are_those_of_the_array():
    assert shorten(repr(np.array([1.5, 2.5, 3.5])), 60) == "array([1.5, 2.5, 3.5])"
    assert shorten(repr(np.eye(2)), 60) == "float64 (2, 2) [[1., 0.], [0., 1.]]"
    assert shorten(repr(np.arange(100.0)), 40) == "float64 (100,) [0., 1., 2., … 97 more]"


# Reprs of pandas 2.2 and polars 1.17.
FRAME = """\
   name  price  in stock
0   tea    4.0      True
1   mug    9.0     False"""
LONG_FRAME = """\
     a  b  ...  d  e
0    1  2  ...  4  5
..  .. ..  ... .. ..
119  1  2  ...  4  5

[120 rows x 5 columns]"""
SERIES = """\
0      1.0
1      2.0
      ...
98     3.0
99     4.0
Name: price, Length: 100, dtype: float64"""
POLARS = """\
shape: (2, 2)
┌──────┬───────┐
│ name ┆ price │
│ ---  ┆ ---   │
│ str  ┆ f64   │
╞══════╪═══════╡
│ tea  ┆ 4.0   │
│ mug  ┆ 9.0   │
└──────┴───────┘"""


def test_tables_have_their_size_and_names():
    assert shorten(FRAME, 60) == "DataFrame 2 × 3: name, price, in stock"
    assert shorten(LONG_FRAME, 60) == "DataFrame 120 × 5: a, b, d, e"
    assert shorten(SERIES, 60) == "Series 100 float64 [1.0, 2.0, …, 3.0, 4.0]"
    assert shorten(POLARS, 60) == "DataFrame 2 × 2: name, price"
    assert shorten(FRAME, 22) == "DataFrame 2 × 3: name…"


@pytest.mark.parametrize("value", ["Matrix(\n  1, 2\n)", "a\n  b", "array", "array(5)", "array(", "tensor([", "  \n  "])
def test_what_is_neither_is_left_alone_but_for_its_line_breaks(value):
    assert Table.of(value) is None
    assert shorten(value, 60) == re.sub(r"\s*\n\s*", " ", value)
