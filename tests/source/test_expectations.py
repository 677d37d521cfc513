"""What is expected of calls, and whether it holds."""

import pytest

from cwm_lsp.source.expectations import Expectation, expected

SOURCE = '''\
def f(x):
    """
    >>> f(1)
    [1, 2]
    >>> f(2)
    Traceback (most recent call last):
        ...
    ValueError: no
    >>> f(3)  # doctest: +SKIP
    7
    >>> sorted(f(4))
    [4]
    >>> f(
    ...     5
    ... )
    'five'
    """

assert f(6) == [6]
assert [7] == f(7)
assert not f(8)
assert f(9)
assert f(10) == g()
assert f(11) + 1 == 12

def test_f(self):
    with pytest.raises(errors.NoSuch):
        f(12)
    self.assertEqual(f(13), {"a": 1})
    assert t.f(14) is None
'''


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE.split("\n"), 1) if text in line)


@pytest.mark.parametrize(
    ("at", "kind", "text", "written"),
    [
        ("f(1)", "shows", "[1, 2]", "[1, 2]"),
        ("f(2)", "raises", "ValueError: no", "ValueError: no"),
        ("f(3)", None, "", ""),
        ("sorted(f(4))", None, "", ""),
        (">>> f(\n"[:6], "shows", "[1, 2]", "[1, 2]"),
        ("f(6)", "equals", "[6]", "f(6)"),
        ("f(7)", "equals", "[7]", "f(7)"),
        ("f(8)", "false", "", "f(8)"),
        ("f(9)", "true", "", "f(9)"),
        ("f(10)", None, "", ""),
        ("f(11)", None, "", ""),
        ("f(12)", "raises", "NoSuch", "pytest.raises"),
        ("f(13)", "equals", "{'a': 1}", "f(13)"),
        ("f(14)", "equals", "None", "f(14)"),
    ],
)
def test_what_is_expected_is_read_where_the_call_stands(at, kind, text, written):
    found = expected(SOURCE, line_of(at), "f")
    assert found == (kind and Expectation(kind, text, line_of(written)))


def test_a_doctest_of_several_lines():
    assert expected(SOURCE, SOURCE.split("\n").index("    >>> f(") + 1, "f") == Expectation(
        "shows", "'five'", line_of("'five'")
    )


@pytest.mark.parametrize(
    ("kind", "text", "value", "exception", "holds"),
    [
        ("shows", "[1, 2]", "[1, 2]", None, True),
        ("shows", "[1, 2]", "[1, 3]", None, False),
        ("shows", "[1,   2]", "[1, 2]", None, True),
        ("shows", "[1, ..., 9]", "[1, 2, 9]", None, True),
        ("shows", "<A object at 0x7f>", "<A object at 0x80>", None, None),
        ("shows", "printed\n3", "3", None, None),
        ("shows", "[1, 2]", None, ("ValueError", "no"), False),
        ("equals", "[1, 2]", "[1, 2]", None, True),
        ("equals", "1", "1.0", None, True),
        ("equals", "1", "2", None, False),
        ("equals", "1", "<A object>", None, None),
        ("equals", "None", "None", None, True),
        ("true", "", "[]", None, False),
        ("true", "", "<A object>", None, None),
        ("false", "", "[]", None, True),
        ("raises", "ValueError: no", None, ("ValueError", "no"), True),
        ("raises", "ValueError: no", None, ("ValueError", "yes"), None),
        ("raises", "ValueError: no", None, ("KeyError", "no"), False),
        ("raises", "pkg.ValueError: no", None, ("ValueError", "no"), True),
        ("raises", "LookupError", None, ("KeyError", "no"), None),
        ("raises", "KeyError", "3", None, False),
    ],
)
def test_whether_it_holds(kind, text, value, exception, holds):
    assert Expectation(kind, text, 1).holds(value, exception) is holds
