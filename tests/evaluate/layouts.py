"""Programs laid out over lines at random: every expression and pattern may begin and end on a line of its own."""

from __future__ import annotations

import ast
import random
from typing import Any

HELPERS = """
class Box:
    __match_args__ = ("x", "y")
    def __init__(self, x=0, y=0):
        self.x, self.y = x, y
    def __repr__(self):
        return f"Box({self.x!r}, {self.y!r})"
    def add(self, *more, **named):
        self.x += sum(more) + len(named)
        return self
    def __getitem__(self, key):
        return self.x if key else self.y
    def __setitem__(self, key, value):
        self.y = value
    def __delitem__(self, key):
        self.y = None
class Manager:
    def __init__(self, swallows):
        self.swallows = swallows
    def __enter__(self):
        return self.swallows
    def __exit__(self, *error):
        return self.swallows
def true(x=1): return bool(x) or True
def false(x=0): return False
def give(*values, **named): return values
def wrap(function): return function
"""


class Layout(ast._Unparser):  # type: ignore[name-defined,misc]
    """Writes a program with parentheses around its expressions and line breaks inside of them."""

    def __init__(self, random: random.Random, breaks: float) -> None:
        super().__init__()
        self.random = random
        self.breaks = breaks
        self.whole = 0
        """How deep in what cannot be broken."""

    def line_break(self) -> None:
        if self.random.random() < self.breaks:
            self.write("\n" + " " * self.random.randrange(1, 9))

    def traverse(self, node: Any) -> None:
        breakable = isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice)
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            breakable = False
        if isinstance(node, ast.Tuple) and any(isinstance(item, ast.Slice) for item in node.elts):
            breakable = False
        if isinstance(node, ast.pattern):
            breakable = not isinstance(node, ast.MatchStar)
        if not breakable or self.whole or self.random.random() < 0.4:
            super().traverse(node)
            return
        self.write("(")
        self.line_break()
        super().traverse(node)
        self.line_break()
        self.write(")")

    def kept_whole(self, visit: Any, node: Any) -> None:
        self.whole += 1
        visit(node)
        self.whole -= 1

    def visit_JoinedStr(self, node: Any) -> None:  # noqa: N802
        self.write(ast.unparse(node))

    def visit_MatchValue(self, node: Any) -> None:  # noqa: N802
        self.kept_whole(super().visit_MatchValue, node)

    def visit_MatchMapping(self, node: Any) -> None:  # noqa: N802
        keys = set(map(id, node.keys))

        def item(pair: Any) -> None:
            key, value = pair
            self.kept_whole(self.traverse, key)
            self.write(": ")
            self.traverse(value)

        with self.delimit("{", "}"):
            self.interleave(lambda: self.write(", "), item, list(zip(node.keys, node.patterns, strict=True)))
            if node.rest is not None:
                self.write(", " if keys else "", f"**{node.rest}")

    def visit_MatchClass(self, node: Any) -> None:  # noqa: N802
        cls, node.cls = node.cls, ast.Name(id=ast.unparse(node.cls), ctx=ast.Store())
        super().visit_MatchClass(node)
        node.cls = cls


def laid_out(source: str, seed: int, breaks: float = 0.35) -> str:
    """The same program on other lines."""
    layout = Layout(random.Random(seed), breaks)
    return str(layout.visit(ast.parse(source)))


class Programs:
    """Programs whose steps are what matters: conditions, blocks that are left in every way, patterns."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.depth = 0

    def pick(self, *choices: Any) -> Any:
        chosen = self.random.choice(choices)
        return chosen() if callable(chosen) else chosen

    def value(self, depth: int = 0) -> str:
        if depth > 2:
            return str(self.pick("a", "b", "n", "1", "'t'", "box.x", "items[0]"))
        below = lambda: self.value(depth + 1)  # noqa: E731
        return str(
            self.pick(
                "a",
                "n",
                "2",
                "box",
                lambda: f"{below()} if {self.condition(depth + 1)} else {below()}",
                lambda: f"give({below()}, {below()})",
                lambda: f"give(*items, {below()})",
                lambda: f"give({below()}, k={below()}, **{{'z': {below()}}})",
                lambda: f"box.add({self.number()}).add({self.number()}, k={below()})",
                lambda: f"[{below()}, *items, {below()}]",
                lambda: f"{{'j': {below()}, 'k': {below()}, **dict(z={below()})}}",
                lambda: f"({below()}, {below()})",
                lambda: f"[{self.pick('1', '2')}, 3, -4]",
                lambda: f"({below()}, 'a' 'b', 1 + 2, (3, 4))",
                lambda: f"'%s-%r' % ({below()}, {below()})",
                lambda: f"f'{{{self.pick('a', 'n')}}}x{{n + 1!r:>4}}'",
                lambda: f"[{below()} for v in {self.pick('items', '(1, 2)', 'range(3)')} if {self.condition(2)}]",
                lambda: f"list({below()} for v in items for w in [{below()}] if {self.condition(2)})",
                lambda: f"{{v: {below()} for v in items if v}}",
                lambda: f"(lambda q, r={below()}: {below()})({below()})",
                lambda: f"items[{self.pick('0', 'n - n', ':1', 'len(items) - 1')}]",
                lambda: f"(c := {below()})",
                lambda: f"({self.condition(depth + 1)} and {below()})",
                lambda: f"({below()} or {below()})",
                lambda: f"give({', '.join(str(i) for i in range(32))}, {below()})",
                lambda: f"box[{below()}]",
                self.number,
            )
        )

    def number(self) -> str:
        return str(
            self.pick(
                "n",
                "1",
                "n + 1",
                "-n",
                "n * 2 - 1",
                "len(items)",
                "2 ** 3",
                "sum(items)",
                lambda: f"abs({self.number()})",
            )
        )

    def condition(self, depth: int = 0) -> str:
        if depth > 3:
            return str(self.pick("a", "true()", "false()", "n > 1", "items", "a is None", "n", "not a"))
        below = lambda: self.condition(depth + 1)  # noqa: E731
        return str(
            self.pick(
                "n > 1",
                "true(n)",
                "false()",
                "a",
                "1 < n < 4",
                "n in [1, 2, 3]",
                "a is not None",
                "0 <= n != 7 >= 3",
                lambda: f"({below()} and {below()})",
                lambda: f"({below()} or {below()})",
                lambda: f"not {below()}",
                lambda: f"({below()} and {below()} or {below()})",
                lambda: f"({below()} or {below()}) and {below()}",
                lambda: f"({below()} if {below()} else {below()})",
                lambda: f"(d := {below()})",
                lambda: f"{self.number()} < {self.number()} <= {self.number()}",
                lambda: f"any({below()} for v in items)",
                lambda: f"n not in {{{self.number()}, 2}}",
                "True",
                "None",
                "0",
            )
        )

    def pattern(self, depth: int = 0, *, binds: bool = True) -> str:
        name = lambda: self.pick("_", f"p{self.random.randrange(99999)}") if binds else "_"  # noqa: E731
        if depth > 2:
            return str(self.pick("1", "'t'", "None", "-1", name, "int()"))
        below = lambda: self.pattern(depth + 1, binds=binds)  # noqa: E731
        return str(
            self.pick(
                name,
                "1",
                "2 | 3 | None",
                "str() | int()",
                lambda: f"[{below()}, {below()}]",
                lambda: f"[{below()}, *_]",
                lambda: f"[*_, {below()}]",
                lambda: f"[{name()}, *rest{depth}]" if binds else "[_, *_]",
                lambda: f"{{'j': {below()}}}",
                lambda: f"{{'j': {below()}, 'k': {below()}}}",
                lambda: f"Box({below()}, y={below()})",
                lambda: f"Box({below()})",
                lambda: f"Box(x={below()})",
                lambda: f"({self.pattern(2, binds=False)}) | [{self.pattern(2, binds=False)}]",
                lambda: f"({below()}) as q{self.random.randrange(99999)}" if binds else "1",
                "[]",
                "(_, _)",
            )
        )

    def block(self, indent: str, *, loop: bool, least: int = 1) -> list[str]:
        self.depth += 1
        lines = []
        for _ in range(self.random.randrange(least, 4)):
            lines += self.statement(indent, loop=loop)
        self.depth -= 1
        return lines or [f"{indent}pass"]

    def statement(self, indent: str, *, loop: bool) -> list[str]:
        inner = indent + "    "
        below = lambda looping=loop: self.block(inner, loop=looping)  # noqa: E731
        simple = [
            lambda: [f"{indent}a = {self.value()}"],
            lambda: [f"{indent}b = c = {self.value()}"],
            lambda: [f"{indent}(b, *rest) = give({self.value(1)}, 2, 3)"],
            lambda: [f"{indent}box.x += {self.number()}"],
            lambda: [f"{indent}box[{self.value(2)}] = {self.value(1)}"],
            lambda: [f"{indent}n += {self.number()}"],
            lambda: [f"{indent}give({self.value(1)}).count({self.value(1)})"],
            lambda: [f"{indent}items.append({self.number()})"],
            lambda: [f"{indent}assert {self.condition()}, {self.value(1)}"],
            lambda: [f"{indent}del box[{self.value(2)}]"],
            lambda: [f"{indent}pass"],
            lambda: [f"{indent}'text'"],
            lambda: [f"{indent}b: int = {self.value(1)}"],
        ]
        leaving = [lambda: [f"{indent}return {self.value(1)}"], lambda: [f"{indent}raise ValueError({self.value(2)})"]]
        if loop:
            leaving += [lambda: [f"{indent}break"], lambda: [f"{indent}continue"]] * 2
        if self.depth > 3:
            return list(self.random.choice(simple + leaving)())
        compound = [
            lambda: [f"{indent}if {self.condition()}:", *below()],
            lambda: [
                f"{indent}if {self.condition()}:",
                *below(),
                f"{indent}elif {self.condition()}:",
                *below(),
                f"{indent}else:",
                *below(),
            ],
            lambda: [
                f"{indent}for i in {self.pick('items[:3]', '[1, n, 2]', '(1, 2)', 'range(2)')}:",
                *below(True),
                *self.pick([], [f"{indent}else:", *self.block(inner, loop=loop)]),
            ],
            lambda: [
                f"{indent}k = {self.pick('2', '3')}",
                f"{indent}while k > 0 and ({self.condition()}):",
                f"{inner}k -= 1",
                *below(True),
                *self.pick([], [f"{indent}else:", *self.block(inner, loop=loop)]),
            ],
            lambda: [
                f"{indent}try:",
                *below(),
                f"{indent}except (KeyError, ValueError) as e:",
                *below(),
                *self.pick(
                    [],
                    [f"{indent}except TypeError:", *self.block(inner, loop=loop)],
                    [f"{indent}else:", *self.block(inner, loop=loop)],
                ),
                *self.pick([], [f"{indent}finally:", *self.block(inner, loop=loop)]),
            ],
            lambda: [f"{indent}try:", *below(), f"{indent}finally:", *below()],
            lambda: [f"{indent}with Manager({self.condition(2)}) as m, Manager({self.condition(3)}):", *below()],
            lambda: [f"{indent}with Manager({self.condition(2)}):", *below()],
            lambda: [
                f"{indent}match {self.value()}:",
                *(
                    line
                    for _ in range(self.random.randrange(1, 4))
                    for line in (
                        f"{inner}case {self.refutable()}{self.pick('', f' if {self.condition(2)}')}:",
                        *self.block(inner + "    ", loop=loop),
                    )
                ),
                *self.pick([], [f"{inner}case _:", *self.block(inner + "    ", loop=loop)]),
            ],
            lambda: [
                f"{indent}@wrap",
                f"{indent}def g(q, r={self.value(2)}):",
                f"{inner}return {self.value(1)}",
                f"{indent}g(1)",
            ],
            lambda: [
                f"{indent}class Local(Box):",
                f"{inner}t = {self.value(2)}",
                f"{inner}def m(self): return {self.value(2)}",
                f"{indent}b = Local.t",
            ],
        ]
        kinds = [*simple, *compound, *leaving] if self.random.random() < 0.3 else [*simple, *compound]
        return list(self.random.choice(kinds)())

    def refutable(self) -> str:
        found = self.pattern()
        return f"{found}" if not found.startswith(("p", "_")) and " as " not in found else f"[{found}]"

    def program(self) -> str:
        body = ["    a, b, c, d, box, items = n, None, 3, 0, Box(1, 2), [1, 2, n]"]
        for _ in range(self.random.randrange(3, 7)):
            body += self.statement("    ", loop=False)
        return "\n".join([HELPERS, "def f(n):", *body, "    return a, b, n, box, items"]) + "\n"


def program(seed: int) -> str:
    """A random program on random lines."""
    return laid_out(Programs(seed).program(), seed, (0.0, 0.15, 0.5)[seed % 3])
