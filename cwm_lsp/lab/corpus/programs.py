"""Random typed programs: statements drawn one by one over variables whose types are known.

`straight_line` programs only copy and build; `program` has branches, loops, helpers and, on purpose, crashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from cwm_lsp.lab.corpus import values
from cwm_lsp.lab.corpus.writer import LIKELY, SIMPLE, Writer


@dataclass(frozen=True, slots=True)
class Program:
    """Source of a file, the function to trace in it and the call."""

    source: str
    function: str
    call: str


def helper(r: Random, name: str, docstring: str | None = None) -> tuple[list[str], list[str], str]:
    """A small function of the same file: its lines, types of its parameters, type of its result."""
    kinds = [r.choices(("int", "str", "list_int"), (5, 3, 2))[0] for _ in range(r.randint(1, 2))]
    writer = Writer(r, budget=3)
    for kind in kinds:
        writer.types[writer.name(kind)] = kind
    lines = [f"def {name}({', '.join(writer.types)}):"]
    if docstring:
        lines.append(f'    """{docstring}"""')
    for _ in range(r.randint(0, 2)):
        writer.statement(1)
    result = r.choice(("int", "str", *kinds))
    return [*lines, *writer.lines, f"    return {writer.expression(result)}"], kinds, result


def program(r: Random, statements: int) -> Program:
    """A function of about that many statements, with up to two helpers, called with literals."""
    writer = Writer(r, budget=statements * 2, branching=r.random() < 0.4)
    file: list[str] = []
    names = r.sample(values.FUNCTIONS, 3)
    for name in names[: r.choices((0, 1, 2), (8, 3, 1))[0]]:
        lines, kinds, result = helper(r, name)
        file += [*lines, "", ""]
        writer.helpers[name] = (kinds, result)
    function = "f" if r.random() < 0.25 else names[2]
    parameters, arguments = [], []
    for _ in range(r.choices((1, 2, 3), (4, 5, 2))[0]):
        kind = r.choices(SIMPLE[:9], LIKELY[:9])[0]
        name = writer.name(kind)
        value = repr(values.of_type(r, kind))
        writer.types[name] = kind
        hint = {"int": "int", "str": "str", "list_int": "list[int]", "list_str": "list[str]"}.get(kind)
        parameters.append(f"{name}: {hint}" if hint and r.random() < 0.15 else name)
        arguments.append(f"{name}={value}" if r.random() < 0.05 else value)
    if any("=" in argument.split("'")[0] for argument in arguments):
        arguments = [a if "=" in a.split("'")[0] else f"{n}={a}" for n, a in zip(writer.types, arguments, strict=True)]
    crash_at = r.randrange(statements) if r.random() < 0.35 else -1
    for index in range(statements):
        if index == crash_at:
            writer.crash(1)
        elif writer.budget > 0:
            writer.statement(1)
    body = [*writer.lines, f"    return {writer.result()}"]
    file += [f"def {function}({', '.join(parameters)}):", *body]
    return Program("\n".join(file) + "\n", function, f"{function}({', '.join(arguments)})")


def straight_line(r: Random) -> Program:
    """Assignments only, most of them copies of a variable, an argument or a literal."""
    writer = Writer(r)
    arguments = []
    for _ in range(r.randint(1, 3)):
        kind = r.choices(SIMPLE[:8], LIKELY[:8])[0]
        writer.types[writer.name(kind)] = kind
        arguments.append(repr(values.of_type(r, kind)))
    parameters = list(writer.types)
    for _ in range(r.randint(2, 5)):
        kind = r.choices(SIMPLE[:8], LIKELY[:8])[0]
        pick = r.random()
        source = r.choice(list(writer.types))
        if pick < 0.45:
            name = writer.name(writer.types[source])
            writer.types[name] = writer.types[source]
            writer.emit(1, f"{name} = {source}")
        elif pick < 0.75:
            name = writer.name(kind)
            writer.emit(1, f"{name} = {values.of_type(r, kind)!r}")
            writer.types[name] = kind
        else:
            name = writer.name("tuple_int")
            other = r.choice(list(writer.types))
            writer.emit(1, f"{name} = {r.choice([f'[{source}]', f'({source}, {other})', f'[{source}, {other}]'])}")
            writer.types[name] = "bool"
    function = r.choice(values.FUNCTIONS)
    lines = [f"def {function}({', '.join(parameters)}):", *writer.lines, f"    return {r.choice(list(writer.types))}"]
    return Program("\n".join(lines) + "\n", function, f"{function}({', '.join(arguments)})")
