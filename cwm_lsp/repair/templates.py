# ruff: noqa: E501
"""Usual loops and recursions, as bodies of functions that have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, permutations, product


def templates(call: str, names: Sequence[str]) -> Iterator[str]:
    """Bodies of a function that is called `call` and takes arguments of those names."""
    for name in names:
        others = [*(one for one in names if one != name), "1", "0"]
        yield from _loops(name, others)
        yield f"result = {{}}\nfor x in {name}:\n    result[x] = result.get(x, 0) + 1\nreturn result"
        if len(names) == 1:
            for base, first, step in product((f"{name} <= 1", f"{name} == 0", f"not {name}"), (name, "1", "0", "[]", "''"), (
                f"{name} * {call}({name} - 1)", f"{name} + {call}({name} - 1)", f"{call}({name} - 1) + {call}({name} - 2)",
                f"{call}({name}[1:]) + {name}[:1]", f"{name} % 10 + {call}({name} // 10)", f"1 + {call}({name} // 2)",
                f"2 * {call}({name} - 1)", f"2 * {call}({name} - 1) + 1",
            )):  # fmt: skip
                yield f"if {base}:\n    return {first}\nreturn {step}"
            yield f"a, b = 0, 1\nfor _ in range({name}):\n    a, b = b, a + b\nreturn a"
            yield f"if {name} < 2:\n    return False\nreturn all({name} % i for i in range(2, int({name} ** 0.5) + 1))"
            yield (
                f"result = []\nfor x in {name}:\n    if isinstance(x, (list, tuple)):\n        result.extend({call}(x))\n"
                f"    else:\n        result.append(x)\nreturn result"
            )
            yield (
                f"result = []\nfor x in {name}:\n    if result and result[-1][0] == x:\n"
                f"        result[-1] = (x, result[-1][1] + 1)\n    else:\n        result.append((x, 1))\nreturn result"
            )
    for one, other in product(names, names):
        if one != other:
            yield f"while {other}:\n    {one}, {other} = {other}, {one} % {other}\nreturn {one}"
            yield f"return max({other}[0], min({one}, {other}[1]))"
            yield f"result = {{}}\nfor x in {one}:\n    result.setdefault({other}(x), []).append(x)\nreturn result"
            yield f"result = {{}}\nfor x in {one}:\n    result.setdefault(x[{other}], []).append(x)\nreturn result"
            yield f"return [{other}(x) for x in {one}]"
            yield f"return [x for x in {one} if {other}(x)]"
    for a, b, c in permutations(names, 3):
        yield f"return max({b}, min({a}, {c}))"
        yield f"return {b} <= {a} <= {c}"
        yield f"return {a} + ({b} - {a}) * {c}"
        yield f"return {a}.replace({b}, {c})"
        yield f"return {a} if {b} else {c}"
        yield f"return {a}.get({b}, {c})"
        yield f"return {a}[{b}:{c}]"
        yield f"return list(range({a}, {b}, {c}))"


def _loops(name: str, others: Iterable[str]) -> Iterator[str]:
    """Loops over a parameter, or up to it, that gather one value."""
    for sequence, first, step in product(
        (name, f"range(1, {name} + 1)", f"range({name})"), ("0", "1", "[]", "''"),
        ("result * x", "result + x", "x + result", "result + [x]", "[x] + result", "result + x * x", "result + str(x)"),
    ):  # fmt: skip
        yield f"result = {first}\nfor x in {sequence}:\n    result = {step}\nreturn result"
    for other in islice(others, 3):
        yield f"result = {other}\nfor x in {name}:\n    result += x\nreturn result"
        yield f"result = 0\nfor x in {name}:\n    result = result * {other} + x\nreturn result"
