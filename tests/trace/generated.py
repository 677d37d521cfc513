"""Random programs: nested statements of every kind that end soon, whatever they do."""

import random


def program(seed: int) -> str:
    """A function `f(n)` and what it calls; every line is different."""
    return _Writer(random.Random(seed)).file()


class _Writer:
    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.number = 0
        self.lines: list[str] = []
        self.in_loop = False
        self.in_generator = False

    def file(self) -> str:
        self.function("g(n)", 2)
        self.in_generator = True
        self.function("gen(n)", 2)
        self.in_generator = False
        self.lines += ["class Manager:", "    def __enter__(self): return 0"]
        self.lines += ["    def __exit__(self, kind, value, traceback): return kind is KeyError"]
        self.lines += ["    def __repr__(self): return 'Manager'"]
        self.function("f(n)", 3)
        return "\n".join(self.lines) + "\n"

    def function(self, header: str, depth: int) -> None:
        self.lines += [f"def {header}:", "    a = b = c = n"]
        self.block("    ", depth, self.choose.randint(2, 5))
        self.lines.append("    return (a, b, c)" if not self.in_generator else "    yield a")

    def block(self, indent: str, depth: int, count: int) -> None:
        for _ in range(count):
            self.statement(indent, depth)

    def unique(self) -> int:
        self.number += 1
        return self.number

    def value(self) -> str:
        n = self.unique()
        return self.choose.choice(
            [
                f"{n}",
                f"a + {n}",
                f"len([x for x in range({n % 3}) if x != {n}])",
                f"sum(x + {n} for x in range({n % 4}))",
                f"(lambda x: x + {n})(b)",
                f"any(x > {n % 2} for x in (0, 1, 2, {n}))",
                f"({n} if a else b or {n})",
                f"max({n},\n        b,\n        c if b else {n})",
                f"{{x: {n} for x in (a, b)}}.get(a)",
                f"g({n}) if n == 1 and {n} % 5 == 0 and __name__ != 'inner' else {n}",
            ]
        )

    def condition(self) -> str:
        n = self.unique()
        return self.choose.choice(
            [f"n % {n % 3 + 2} == 0", f"(a or {n}) and b", f"a and n != {n}", f"not c or n > {n}"]
        )

    def statement(self, indent: str, depth: int) -> None:
        put, inner = self.lines.append, indent + "    "
        kinds = ["assign"] * 4 + ["augment", "raise", "call", "del", "return", "yield"]
        if self.in_loop:
            kinds += ["break", "continue"] * 2
        if depth:
            kinds += ["if", "for", "while", "try", "with", "try", "match"] * 2
        kind = self.choose.choice(kinds)
        if kind == "assign":
            put(f"{indent}{self.choose.choice('abc')} = {self.value()}")
        elif kind == "augment":
            put(f"{indent}{self.choose.choice('abc')} = {self.unique()}; d = {self.unique()}")
        elif kind == "raise":
            error = self.choose.choice(["KeyError", "ValueError", "ZeroDivisionError"])
            put(f"{indent}if {self.condition()}: raise {error}({self.unique()})")
        elif kind == "call":
            put(
                f"{indent}c = list(gen({self.unique()})) if n == 1 else next(gen({self.unique()}), None)"
                if not self.in_generator
                else f"{indent}c = g({self.unique()}) if n == 1 else 0"
            )
        elif kind == "del":
            put(f"{indent}d = {self.unique()}")
            put(f"{indent}del d; e = {self.unique()}")
        elif kind == "return":
            put(f"{indent}if {self.condition()}: return {self.unique() if not self.in_generator else ''}")
        elif kind == "yield":
            put(f"{indent}a = yield {self.unique()}" if self.in_generator else f"{indent}pass; a = {self.unique()}")
        elif kind in ("break", "continue"):
            put(f"{indent}if {self.condition()}: {kind}")
        elif kind == "if":
            put(f"{indent}if {self.condition()}:")
            self.block(inner, depth - 1, self.choose.randint(1, 2))
            if self.choose.random() < 0.3:
                put(f"{indent}elif {self.condition()}:")
                self.block(inner, depth - 1, 1)
            if self.choose.random() < 0.5:
                put(f"{indent}else:  # {self.unique()}")
                self.block(inner, depth - 1, 1)
        elif kind in ("for", "while"):
            name = f"i{self.unique()}"
            if kind == "for":
                put(f"{indent}for {name} in range({self.choose.randint(0, 3)}):")
            else:
                put(f"{indent}{name} = 0")
                put(f"{indent}while {name} < {self.choose.randint(0, 3)}:")
                put(f"{inner}{name} += 1")
            was, self.in_loop = self.in_loop, True
            self.block(inner, depth - 1, self.choose.randint(1, 3))
            self.in_loop = was
            if self.choose.random() < 0.3:
                put(f"{indent}else:  # {self.unique()}")
                self.block(inner, depth - 1, 1)
        elif kind == "try":
            put(f"{indent}try:  # {self.unique()}")
            self.block(inner, depth - 1, self.choose.randint(1, 3))
            handled = self.choose.random() < 0.7
            if handled:
                caught = self.choose.choice(["KeyError", "(ValueError, KeyError)", "Exception"])
                put(f"{indent}except {caught} as e{self.unique()}:")
                self.block(inner, depth - 1, 1)
                if self.choose.random() < 0.3:
                    put(f"{inner}raise  # {self.unique()}")
                if self.choose.random() < 0.3:
                    put(f"{indent}else:  # {self.unique()}")
                    self.block(inner, depth - 1, 1)
            if not handled or self.choose.random() < 0.5:
                put(f"{indent}finally:  # {self.unique()}")
                self.block(inner, depth - 1, self.choose.randint(1, 2))
        elif kind == "with":
            put(f"{indent}with Manager() as m{self.unique()}:")
            self.block(inner, depth - 1, self.choose.randint(1, 2))
        elif kind == "match":
            put(f"{indent}match (a, n):  # {self.unique()}")
            put(f"{inner}case (int() as m{self.unique()}, 1):")
            self.block(inner + "    ", depth - 1, 1)
            put(f"{inner}case _:  # {self.unique()}")
            self.block(inner + "    ", depth - 1, 1)
