"""Functions written statement by statement, over variables whose types are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from cwm_lsp.lab.corpus import values

SIMPLE = ("int", "str", "list_int", "list_str", "dict_int", "bool", "tuple_int", "dict_str", "nested", "float")
LIKELY = (30, 26, 16, 8, 8, 3, 3, 2, 2, 1)
ITEMS = {
    "int": ("x", "n", "v", "num", "item", "value", "i"),
    "str": ("c", "ch", "w", "word", "s", "item", "k", "key"),
    "list_int": ("row", "group", "sub"),
}
"""Names of loop variables."""


@dataclass(slots=True)
class Writer:
    """A function under construction: its lines, and the variables in scope by type."""

    r: Random
    lines: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    budget: int = 8
    helpers: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    """Functions of the same file: name → (types of the parameters, type of the result)."""
    frozen: set[str] = field(default_factory=set)
    """Loop variables and collections being iterated over: not to be changed inside the loop."""
    branching: bool = False
    """Every other statement is a branch or a loop."""

    def emit(self, indent: int, line: str) -> None:
        self.lines.append("    " * indent + line)
        self.budget -= 1

    def name(self, kind: str) -> str:
        """A new name for a value of that type."""
        free = [name for name in values.NAMES[kind] if name not in self.types]
        if not free or self.r.random() < 0.05:
            free = [f"{name}{self.r.randint(1, 3)}" for name in values.NAMES[kind]]
        return self.r.choice([n for n in free if n not in self.types] or ["tmp" + str(len(self.types))])

    def of(self, *kinds: str, mutable: bool = False) -> str | None:
        """A variable of one of these types, recent ones first; None if there is none."""
        found = [n for n, t in self.types.items() if t in kinds and not (mutable and n in self.frozen)]
        if not found:
            return None
        return found[-1] if self.r.random() < 0.35 else self.r.choice(found)

    def literal(self, kind: str) -> str:
        if kind == "int" and self.r.random() < 0.8:
            return str(self.r.randint(0, 10))
        return repr(values.of_type(self.r, kind, 3))

    def letter(self) -> str:
        """A letter, as a literal."""
        return repr(self.r.choice(self.r.choice(values.WORDS)))

    def separator(self) -> str:
        """What a text may be split at, as a literal."""
        return repr(self.r.choice([" ", " ", ",", "-", "_", ":", "a", "e", "o"]))

    def atom(self, kind: str, literal: float = 0.35) -> str:
        """A variable or a literal."""
        found = self.of(kind)
        if found and self.r.random() > literal:
            return found
        return self.literal(kind)

    def expression(self, kind: str) -> str:
        """An expression that most likely has that type."""
        r = self.r
        a = self.atom
        options: list[str] = [a(kind)]
        lists, strings = self.of("list_int"), self.of("str")
        words, table = self.of("list_str"), self.of("dict_int")
        if kind == "int":
            x, y = a("int", 0.1), a("int", 0.5)
            options += [f"{x} + {y}", f"{x} - {y}", f"{x} + 1", f"{x} * {r.choice('2345')}"]
            options += [
                f"{x} % {r.choice('23457')}",
                f"{x} // {r.choice('235')}",
                f"max({x}, {y})",
                f"min({x}, {y})",
                f"abs({x})",
            ]
            if lists:
                options += [f"len({lists})", f"sum({lists})", f"{lists}[{r.choice(['0', '-1', '1', '0'])}]"] * 2
                options += [f"max({lists})", f"min({lists})", f"{lists}.count({y})", f"{lists}.index({lists}[-1])"]
            if strings:
                options += [f"len({strings})"] * 2
                options += [f"{strings}.count({r.choice(values.WORDS)[0]!r})", f"{strings}.find({a('str')})"]
                options += [f"{strings}.rfind({self.letter()})", f"len({strings}.split({self.separator()}))"]
                options += [f"len(set({strings}))", f"sum(c in 'aeiou' for c in {strings})"]
            if words:
                options += [f"len({words})"]
            if table:
                options += [f"len({table})", f"sum({table}.values())", f"{table}.get({a('str')}, {r.choice('01')})"]
            pair = self.of("tuple_int")
            if pair:
                options += [f"{pair}[{r.choice('01')}]"] * 2
            if self.of("nested"):
                options += [f"len({self.of('nested')})", f"{self.of('nested')}[0][0]"]
        elif kind == "str":
            s, t = a("str", 0.1), a("str", 0.5)
            options += [f"{s} + {t}", f"{s}.upper()", f"{s}.lower()", f"{s}[{r.choice(['0', '-1', '1', '2'])}]"]
            options += [f"{s}[:{r.choice('123')}]", f"{s}[{r.choice('12')}:]", f"{s}[::-1]"]
            options += [f"{s}.strip()", f"{s}.title()"]
            options += [f"{s}.replace({r.choice('aeio')!r}, {r.choice(['', '*', '_', 'x'])!r})", f"{s}.capitalize()"]
            options += [f"{s} * {r.choice('23')}", f"{s}.{r.choice(['zfill', 'ljust', 'rjust'])}({r.randint(3, 8)})"]
            options += [f"{s}.swapcase()", f"{s}.strip({r.choice(values.WORDS)[0]!r})", f"{s}.partition(' ')[0]"]
            options += [f"str({a('int', 0)})", f"{s}.{r.choice(['lstrip', 'rstrip'])}({self.letter()})"]
            options += [f"{s}.{r.choice(['removeprefix', 'removesuffix'])}({a('str', 0.7)})", f"{s} + {self.letter()}"]
            options += [f"{s}.{r.choice(['center', 'ljust', 'rjust'])}({r.randint(4, 9)}, {r.choice('*-.0')!r})"]
            options += [f"{s}[{r.choice(['1:3', '1:-1', '2:4', '-2:', '::2', '-1::-1', ':-1'])}]"]
            options += [f"{s}.{r.choice(['split', 'rsplit'])}({self.separator()}, 1)[{r.choice(['0', '-1'])}]"]
            options += [f"{s}.rpartition({self.separator()})[{r.choice('02')}]", f"''.join(sorted({s}))"]
            options += [f"{s}.replace({self.letter()}, {a('str', 0.6)}, 1)", f"{r.choice(',- _')!r}.join({s})"]
            options += [
                f"''.join(c for c in {s} if {r.choice(['c.isalpha()', 'c.isdigit()', f'c != {self.letter()}'])})"
            ]
            options += [f"{s}.{r.choice(['lower', 'strip', 'upper'])}().{r.choice(['title', 'swapcase', 'strip'])}()"]
            if strings:
                options += [f"f'{{{strings}}}{r.choice(['-', ' ', ':', '_'])}{{{a('int', 0)}}}'"] * 2
            if words:
                options += [f"{r.choice([',', ' ', '', '-'])!r}.join({words})", f"{words}[0]", f"{words}[-1]"] * 2
        elif kind == "bool":
            options = [self.condition()]
        elif kind == "float":
            options += [f"{a('int', 0)} / {r.choice('245')}", f"{a('float')} * 2", f"float({a('int', 0)})"]
        elif kind == "list_int":
            options += ["[]", f"[{a('int')}, {a('int')}]", f"[{a('int', 0)}]", f"list(range({r.randint(1, 5)}))"]
            if lists:
                options += [f"{lists}[1:]", f"{lists}[:2]", f"{lists}[::-1]", f"sorted({lists})", f"list({lists})"] * 2
                options += [f"{lists} + [{a('int')}]", f"sorted({lists}, reverse=True)", f"{lists}[:-1]"]
                options += [f"{lists}.copy()", f"{lists}[{r.choice(['1:3', '::2', '-2:', '1:-1'])}]", f"{lists} * 2"]
                options += [f"sorted(set({lists}))", f"list(reversed({lists}))", f"{lists} + {a('list_int')}"]
                options += [f"[{lists}[i] for i in range(0, len({lists}), 2)]"]
                x, y = r.choice(["x", "v", "n", "item", "num"]), r.choice("0123456")
                options += [
                    f"[{x} {r.choice('+-*')} {y} for {x} in {lists}]",
                    f"[{x} for {x} in {lists} if {x} {r.choice(['>', '<', '!=', '>='])} {y}]",
                    f"[{x} for {x} in {lists} if {x} % 2 == {r.choice('01')}]",
                ]
            if table:
                options += [f"list({table}.values())"]
            if words:
                options += [f"[len(w) for w in {words}]"]
            if strings:
                options += [f"[i for i, c in enumerate({strings}) if c == {self.letter()}]"]
        elif kind == "list_str":
            s = a("str", 0.1)
            options += ["[]", f"{s}.split()", f"list({s})", f"{s}.split({r.choice(',-_: ')!r})"]
            options += [
                f"[{a('str')}, {a('str')}]",
                f"sorted({s})",
                f"{s}.{r.choice(['split', 'rsplit'])}({self.separator()}, 1)",
            ]
            options += [f"[c for c in {s} if c {r.choice(['in', 'not in'])} {a('str', 0.5)}]"]
            if lists:
                options += [f"[str({(x := r.choice(['x', 'n', 'v']))}) for {x} in {lists}]"]
            if words:
                options += [f"sorted({words}, key=len)", f"[w for w in {words} if {self.letter()} in w]"]
                options += [
                    f"[w[{r.choice(['::-1', ':2', '1:', '0'])}] for w in {words}]",
                    f"{words}[{r.choice(['-2:', '::2', ':-1'])}]",
                ]
                options += [f"sorted({words})", f"{words}[1:]", f"[w.upper() for w in {words}]", f"{words}[::-1]"]
                options += [f"[w for w in {words} if len(w) > {r.choice('234')}]", f"{words} + [{a('str')}]"]
            if table:
                options += [f"list({table})", f"sorted({table})", f"list({table}.keys())"]
        elif kind == "dict_int":
            options += ["{}", f"{{{a('str')}: {a('int')}}}"]
            if table:
                options += [f"dict({table})", f"{{k: v + 1 for k, v in {table}.items()}}", f"{table}.copy()"]
            if words:
                options += [f"{{w: len(w) for w in {words}}}", f"dict.fromkeys({words}, 0)"]
                options += [f"dict(zip({words}, {lists}))", f"{{w: i for i, w in enumerate({words})}}"] if lists else []
            if table:
                options += [f"{{k: v for k, v in {table}.items() if v {r.choice('<>')} {r.choice('123456')}}}"]
                options += [f"dict(sorted({table}.items()))", f"{{**{table}, {a('str')}: {a('int')}}}"]
            if strings:
                options += [f"{{c: {strings}.count(c) for c in {strings}}}"]
        elif kind == "tuple_int":
            options += [f"({a('int')}, {a('int')})", f"({a('int', 0)}, {a('int', 0)})"]
            if lists:
                options += [f"(min({lists}), max({lists}))", f"tuple({lists})"]
                options += [f"divmod({a('int', 0)}, {r.choice('357')})"]
        elif kind == "nested":
            options += [f"[{a('list_int')}, {a('list_int')}]"]
        elif kind == "set_int" and lists:
            options += [f"set({lists})"]
        matching = [h for h, (_, result) in self.helpers.items() if result == kind]
        if matching and r.random() < 0.5:
            helper = r.choice(matching)
            return f"{helper}({', '.join(a(t, 0.2) for t in self.helpers[helper][0])})"
        return options[0] if r.random() < 0.12 else r.choice(options)

    def condition(self) -> str:
        r = self.r
        a = self.atom
        compare = r.choice(["<", ">", "==", ">=", "!=", "<="])
        options = [f"{a('int', 0)} {compare} {a('int', 0.6)}", f"{a('int', 0)} % {r.choice('223')} == 0"]
        strings = self.of("str")
        if strings:
            options += [
                f"{strings}.{r.choice(['isdigit', 'isalpha', 'islower', 'isupper', 'isalnum', 'istitle'])}()",
                f"{strings}.{r.choice(['startswith', 'endswith'])}({self.letter()})",
                f"{strings}[{r.choice(['0', '-1'])}] {r.choice(['==', '!='])} {self.letter()}",
                f"{r.choice('aeiost')!r} in {strings}",
                f"len({strings}) {compare} {r.randint(1, 6)}",
                strings,
                f"{strings} == {a('str')}",
                f"not {strings}",
                f"{strings}.count({self.letter()}) {compare} {r.randint(0, 2)}",
                f"{strings}.find({self.letter()}) {r.choice(['== -1', '> 0', '!= -1', '== 0'])}",
                f"{strings}[{r.choice(['0', '-1'])}] {r.choice(['in', 'not in'])} {a('str', 0.5)}",
                f"{strings}[0] {r.choice(['==', '<', '>', '!='])} {strings}[-1]",
                f"{strings} == {strings}[::-1]",
                f"{strings}.{r.choice(['lower', 'upper'])}() == {a('str', 0.1)}",
            ]
        lists = self.of("list_int", "list_str")
        if lists:
            options += [f"len({lists}) {compare} {r.randint(0, 4)}", lists, f"not {lists}"]
            options += [f"{r.randint(0, 2)} < len({lists}) <= {r.randint(3, 5)}", f"len({lists}) % 2"]
        numbers, table = self.of("list_int"), self.of("dict_int")
        if numbers:
            options += [f"{a('int')} {r.choice(['in', 'not in'])} {numbers}"] * 2
            options += [
                f"{numbers}[{r.choice(['0', '-1'])}] {compare} {a('int')}",
                f"{r.choice(['max', 'min', 'sum'])}({numbers}) {compare} {a('int')}",
                f"{numbers}.count({a('int')}) {compare} 1",
            ]
        if table:
            options += [f"{a('str')} {r.choice(['in', 'not in'])} {table}"] * 2
            options += [f"{table}.get({a('str')}, 0) {compare} {a('int')}", f"{a('int')} in {table}.values()"]
        if self.of("bool"):
            options += [f"{self.of('bool')}", f"not {self.of('bool')}"]
        first = r.choice(options)
        return f"{first} {r.choice(['and', 'or'])} {r.choice(options)}" if r.random() < 0.08 else first

    def assign(self, indent: int) -> None:
        r = self.r
        kind = r.choices(SIMPLE, LIKELY)[0]
        existing = self.of(kind, mutable=True)
        expression = self.expression(kind)
        name = existing if existing and r.random() < 0.35 else self.name(kind)
        if expression == name:
            expression = self.literal(kind)
        self.emit(indent, f"{name} = {expression}")
        self.types[name] = kind

    def mutate(self, indent: int) -> None:
        """A statement that changes a variable in place."""
        r, a = self.r, self.atom
        kinds = ("int", "str", "list_int", "list_str", "dict_int", "set_int", "nested")
        kind = r.choices(kinds, (3, 1, 2, 1, 1, 1, 1))[0]
        name = self.of(kind, mutable=True)
        if name is None:
            self.assign(indent)
            return
        index = r.choice(["0", "-1", "1"])
        choices = {
            "int": [f"{name} += {a('int')}", f"{name} -= {a('int')}", f"{name} += 1", f"{name} *= {r.choice('23')}"],
            "str": [
                f"{name} += {a('str')}",
                f"{name} = {name} + {a('str')}",
                f"{name} = {a('str')} + {name}",
                f"{name} = {name}[1:]",
                f"{name} = {name}.replace({self.letter()}, {a('str', 0.7)})",
            ],
            "list_int": [f"{name}.append({self.expression('int')})"] * 4
            + [f"{name}.pop()", f"{name}.pop(0)", f"{name}.sort()", f"{name}.reverse()"]
            + [f"{name}.insert(0, {a('int')})"]
            + [f"{name}[{index}] = {a('int')}", f"{name}.extend([{a('int')}, {a('int')}])", f"{name} += [{a('int')}]"]
            + [f"{name}.remove({name}[0])", f"{name}[{index}] += {r.choice('123')}", f"del {name}[{index}]"]
            + [f"{name}.insert({r.choice(['1', '2', '-1'])}, {a('int')})", f"{name}.sort(reverse=True)"]
            + [f"{name}.pop({r.choice('12')})", f"{name}.extend({a('list_int', 0.2)})", f"{name}.clear()"],
            "list_str": [f"{name}.append({self.expression('str')})"] * 3
            + [f"{name}.pop({r.choice(['', '0', '1'])})", f"{name}.sort()", f"{name}.reverse()"]
            + [f"{name}.insert({r.choice('01')}, {a('str')})", f"{name}[{index}] = {a('str')}"]
            + [f"{name}.extend({a('list_str', 0.2)})", f"{name}.remove({name}[-1])", f"del {name}[{index}]"],
            "dict_int": [f"{name}[{a('str')}] = {a('int')}"] * 3
            + [f"{name}[{a('str')}] = {name}.get({a('str')}, 0) + 1", f"{name}.pop({a('str')}, None)"]
            + [f"{name}.update({{{a('str')}: {a('int')}}})", f"{name}.setdefault({a('str')}, {a('int')})"]
            + [f"{name}.popitem()", f"{name}[{a('str')}] = len({name})", f"{name}.update({a('dict_int', 0.2)})"],
            "set_int": [f"{name}.add({a('int')})", f"{name}.discard({a('int')})"],
            "nested": [f"{name}.append([{a('int')}])", f"{name}[0].append({a('int')})"],
        }
        self.emit(indent, r.choice(choices[kind]))

    def block(self, indent: int, statements: int, loop: bool = False) -> None:
        before, types = len(self.lines), dict(self.types)
        for _ in range(statements):
            self.statement(indent, loop)
        if len(self.lines) == before:
            self.mutate(indent)
        # What a block binds may be unbound after it.
        for name in [n for n in self.types if n not in types]:
            if self.r.random() < 0.97:
                del self.types[name]

    def branch(self, indent: int, loop: bool) -> None:
        r = self.r
        self.emit(indent, f"if {self.condition()}:")
        if loop and r.random() < 0.25:
            self.emit(indent + 1, r.choice(["continue", "break"]))
        else:
            self.block(indent + 1, r.randint(1, 2), loop)
        if r.random() < 0.25:
            self.emit(indent, f"elif {self.condition()}:")
            self.block(indent + 1, 1, loop)
        if r.random() < 0.45:
            self.emit(indent, "else:")
            self.block(indent + 1, r.randint(1, 2), loop)

    def loop(self, indent: int) -> None:
        r = self.r
        iterable = self.of("list_int", "list_str", "str", "dict_int", "list_int", "nested")
        pick = r.random()
        bound: list[tuple[str, str]] = []
        frozen = set(self.frozen)
        if pick < 0.25 or iterable is None:
            name = r.choice(["i", "j", "k", "step", "n", "_", "idx"])
            stop = self.of("int") if r.random() < 0.2 else None
            upper = f"min({stop}, 4)" if stop else str(r.randint(2, 4))
            header = r.choice([f"range({upper})", f"range({upper})", f"range(1, {r.randint(3, 5)})", "range(0, 6, 2)"])
            if iterable and r.random() < 0.4:
                header = f"range(len({iterable}))"
            self.emit(indent, f"for {name} in {header}:")
            bound = [(name, "int")]
        elif pick < 0.4:
            counter = self.of("int", mutable=True) or self.name("int")
            if counter not in self.types or r.random() < 0.5:
                self.emit(indent, f"{counter} = {r.randint(1, 5)}")
                self.types[counter] = "int"
            self.emit(indent, f"while {counter} > {r.choice('001')}:")
            self.frozen.add(counter)
            self.block(indent + 1, r.randint(1, 2), loop=False)
            self.emit(indent + 1, f"{counter} {r.choice(['-= 1', '-= 1', '//= 2', '-= 2'])}")
            self.frozen = frozen
            return
        else:
            kind = self.types[iterable]
            item = {"list_int": "int", "list_str": "str", "str": "str", "dict_int": "str", "nested": "list_int"}[kind]
            name = r.choice(ITEMS[item])
            style = r.random()
            if kind == "dict_int" and style < 0.7:
                self.emit(indent, f"for {name}, v in {iterable}.items():")
                bound = [(name, "str"), ("v", "int")]
            elif style < 0.25:
                self.emit(indent, f"for i, {name} in enumerate({iterable}):")
                bound = [("i", "int"), (name, item)]
            else:
                self.emit(indent, f"for {name} in {iterable}:")
                bound = [(name, item)]
            self.frozen.add(iterable)
        saved = dict(self.types)
        for name, kind in bound:
            self.types[name] = kind
            self.frozen.add(name)
        self.block(indent + 1, r.randint(1, 3), loop=True)
        self.frozen = frozen
        for name, _ in bound:
            if name in saved:
                self.types[name] = saved[name]
            else:
                self.types.pop(name, None)

    def guarded(self, indent: int) -> None:
        """try/except around something that may well raise."""
        r = self.r
        name = self.name("int")
        risky = self.risky()
        self.emit(indent, "try:")
        self.emit(indent + 1, f"{name} = {risky[0]}")
        error = risky[1] if r.random() < 0.85 else r.choice(["Exception", "TypeError", "ValueError"])
        error = r.choice([error, error, f"({error}, TypeError)", "Exception"])
        self.emit(indent, f"except {error}{r.choice(['', ' as e', ' as err'])}:")
        self.emit(indent + 1, f"{name} = {r.choice(['0', '-1', 'None', self.literal('int')])}")
        if r.random() < 0.15:
            self.emit(indent, "finally:")
            self.mutate(indent + 1)
        self.types[name] = "int"

    def risky(self) -> tuple[str, str]:
        """An expression that may raise, and what."""
        r, a = self.r, self.atom
        options = [
            (f"int({a('str', 0.3)})", "ValueError"),
            (f"{a('int', 0)} // {a('int', 0.3)}", "ZeroDivisionError"),
            (f"{a('int', 0)} % {a('int', 0.3)}", "ZeroDivisionError"),
            (f"{a('str', 0)} + {a('int', 0)}", "TypeError"),
            (f"{self.of('int') or 'None'}.{r.choice(['upper', 'append', 'items', 'name'])}()", "AttributeError"),
            (f"{a('str', 0)}.{r.choice(['append', 'items', 'push', 'size'])}()", "AttributeError"),
            (f"{a('str', 0)}.index({a('str', 0.8)})", "ValueError"),
            (f"{a('str', 0)}[{r.randint(2, 9)}]", "IndexError"),
            (f"len({a('int', 0)})", "TypeError"),
        ]
        lists, table = self.of("list_int", "list_str"), self.of("dict_int")
        if lists:
            options += [(f"{lists}[{r.randint(1, 5)}]", "IndexError")] * 3
            options += [(f"{lists}.index({a('int')})", "ValueError"), (f"{lists}[{a('str')}]", "TypeError")]
            options += [(f"{lists}.pop({r.randint(2, 5)})", "IndexError"), (f"{lists}.get(0)", "AttributeError")]
        if self.of("list_int"):
            options += [(f"max({self.of('list_int')}[{r.randint(0, 4)}:])", "ValueError")]
        if table:
            options += [(f"{table}[{a('str')}]", "KeyError")] * 3 + [(f"{table}.pop({a('str')})", "KeyError")]
        return r.choice(options)

    def crash(self, indent: int) -> None:
        """A line that raises: a mistake, or a check on purpose."""
        r = self.r
        pick = r.random()
        if pick < 0.55:
            name = self.name("int")
            self.emit(indent, f"{name} = {self.risky()[0]}")
            self.types[name] = "int"
        elif pick < 0.9:
            self.emit(indent, f"if {self.condition()}:")
            error = r.choice(["ValueError", "ValueError", "KeyError", "TypeError", "RuntimeError", "IndexError"])
            shown = self.of("int", "str")
            message = r.choice(["invalid value", "out of range", "not found", "empty input", "bad key", "too large"])
            detail = f"f'{message}: {{{shown}}}'" if shown and r.random() < 0.5 else repr(message)
            self.emit(indent + 1, f"raise {error}({detail})")
        else:
            self.emit(indent, f"assert {self.condition()}{r.choice(['', ', ' + repr('check failed')])}")

    def statement(self, indent: int, loop: bool = False) -> None:
        r = self.r
        pick = r.random()
        deep = indent >= 3 or self.budget <= 2
        if self.branching and not deep and r.random() < 0.5:
            pick = r.uniform(0.62, 0.90)
        if pick < 0.40 or (deep and pick < 0.55):
            self.mutate(indent)
        elif pick < 0.62 or deep:
            self.assign(indent)
        elif pick < 0.78:
            self.branch(indent, loop)
        elif pick < 0.90 and indent < 3:
            self.loop(indent)
        elif pick < 0.94:
            self.guarded(indent)
        elif pick < 0.97:
            self.emit(indent, f"if {self.condition()}:")
            self.emit(indent + 1, f"return {self.result()}")
        else:
            first, second = self.of("int", mutable=True), self.of("int", mutable=True)
            if first and second and first != second:
                right = r.choice([f"{second}, {first}", f"{second}, {first} + {second}"])
                self.emit(indent, f"{first}, {second} = {right}")
            else:
                self.assign(indent)

    def result(self) -> str:
        r = self.r
        if r.random() < 0.65:
            names = list(self.types)
            if r.random() < 0.15 and len(names) > 1:
                return ", ".join(r.sample(names, 2))
            return names[-1] if r.random() < 0.4 else r.choice(names)
        kind = self.types[r.choice(list(self.types))]
        return self.expression(kind)
