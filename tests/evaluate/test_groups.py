"""`except*`: groups split among the clauses, raised on, raised anew, and put together again, as a real run has it."""

from __future__ import annotations

import random
import textwrap
import warnings

import pytest

from cwm_lsp.evaluate import Limits
from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = pytest.mark.slow

EVENTS = 2000
CLASSES = """\
class Own(ExceptionGroup):
    def derive(self, errors):
        return Own(self.message + "+", errors)

class Plain(BaseExceptionGroup):
    pass

class Odd(ValueError):
    def __init__(self, *args):
        super().__init__(*args)
        self.count = len(args)

def again():
    raise

def passing(error):
    try:
        raise error
    except* OverflowError:
        pass

"""
LEAVES = ("ValueError", "TypeError", "KeyError", "OSError", "Odd", "StopIteration", "ZeroDivisionError")
CAUGHT = (*LEAVES, "Exception", "LookupError", "ArithmeticError", "int", "(ValueError, TypeError)",
          "(\n{pad}    KeyError,\n{pad}    OSError)", "(OSError,)", "()", "choose(ValueError)",
          "ExceptionGroup")  # fmt: skip


class Program:
    """One random program."""

    def __init__(self, seed: int, suspends: str) -> None:
        self.random = random.Random(f"{seed}{suspends}")
        self.suspends = suspends
        self.number = 0

    def source(self) -> str:
        head = "async def" if self.suspends == "await" else "def"
        body = self.block(2, 0, "") + "    return seen\n"
        step = {"": "", "yield": "    yield 0\n", "await": "    await tick()\n"}[self.suspends]
        tick = "async def tick():\n    return 1\n\n" if self.suspends == "await" else ""
        choose = "def choose(kind):\n    seen.append(kind.__name__)\n    return kind\n\n"
        run = {
            "": "    return g(x)\n",
            "yield": "    made = g(x)\n    got = []\n    for y in made:\n        got.append(y)\n    return got\n",
            "await": "    try:\n        g(x).send(None)\n    except StopIteration as end:\n        return end.value\n",
        }[self.suspends]
        whole = (
            f"    try:\n{textwrap.indent(run, '    ')}    except BaseException as error:\n        return repr(error)\n"
        )
        return f"seen = []\n{CLASSES}{choose}{tick}{head} g(x):\n{step}{body}\ndef f(x):\n{whole}"

    def pick(self, *items: str) -> str:
        return self.random.choice(items)

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def error(self, depth: int = 2) -> str:
        """An expression that gives an exception, often a group."""
        if depth == 0 or self.random.random() < 0.35:
            return f"{self.pick(*LEAVES)}({self.fresh()})"
        kind = self.pick("ExceptionGroup", "ExceptionGroup", "Own", "BaseExceptionGroup")
        inner = ", ".join(self.error(depth - 1) for _ in range(self.random.randint(1, 3)))
        return f"{kind}('g{self.fresh()}', [{inner}])"

    def raising(self, name: str) -> str:
        """A statement that raises, in a handler if there is a `name`."""
        forms = [f"raise {self.error()}", f"raise {self.error()} from {self.error(0)}", f"passing({self.error()})"]
        if name:
            forms += ["raise", "raise", "raise", f"raise {name}", "again()", f"raise {self.error(0)} from {name}",
                      f"passing({name})", f"raise {name}.exceptions[0]", f"{name}.add_note('n'); raise"]  # fmt: skip
        return self.random.choice(forms)

    def block(self, depth: int, indent: int, name: str) -> str:
        """Statements."""
        pad = "    " * (indent + 1)
        lines = []
        for _ in range(self.random.randint(1, 2)):
            if depth and self.random.random() < 0.75:
                lines.append(self.statement(depth, indent, name))
            else:
                lines.append(f"{pad}seen.append({self.fresh()})\n")
        if self.suspends and self.random.random() < 0.4:
            lines.append(f"{pad}{self.suspending()}\n")
        if self.random.random() < (0.7 if name or depth < 2 else 0.2):
            condition = self.pick("", "", "if x: ", "if not x: ")
            lines.append(f"{pad}{condition}{self.raising(name)}\n" if ";" not in condition else "")
        return "".join(lines)

    def suspending(self) -> str:
        return f"yield {self.fresh()}" if self.suspends == "yield" else "await tick()"

    def statement(self, depth: int, indent: int, name: str) -> str:
        pad = "    " * (indent + 1)
        star = "*" if self.random.random() < 0.8 else ""
        text = f"{pad}try:\n{self.block(depth - 1, indent + 1, name if not star else '')}"
        if self.random.random() < 0.9:
            text += f"{pad}    {self.raising('')}\n"
        for _ in range(self.random.randint(1, 3)):
            kind = self.random.choice(CAUGHT[: None if self.random.random() < 0.3 else 9]).format(pad=pad)
            inner = f"e{self.fresh()}" if self.random.random() < 0.8 else ""
            bind = f" as {inner}" if inner else ""
            shown = f"{pad}    seen.append(repr({inner}))\n" if inner and self.random.random() < 0.7 else ""
            text += f"{pad}except{star} {kind}{bind}:\n{shown}{self.block(depth - 1, indent + 1, inner)}"
        if self.random.random() < 0.3:
            text += f"{pad}else:\n{pad}    seen.append('else')\n"
        if self.random.random() < 0.3:
            text += f"{pad}finally:\n{pad}    seen.append('finally')\n"
        return text


def check(seed: int) -> bool:
    """Whether a program was followed to its end."""
    suspends = ("", "yield", "await")[seed % 3]
    source = Program(seed, suspends).source()
    whole = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in ("f(0)", "f(1)"):
            compared = compare(source, call, "f", limits=Limits(events=EVENTS))
            assert not compared.wrong, f"{source}\n{call}\n{compared.wrong[0]}"
            whole = whole and compared.complete
    return whole


@only_on_the_reference
@pytest.mark.parametrize("start", range(0, 60, 20))
def test_random_programs_with_groups_are_traced_as_they_run(start: int) -> None:
    assert [seed for seed in range(start, start + 20) if not check(seed)] == []


@only_on_the_reference
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("start", range(100, 2100, 100))
def test_many_programs_with_groups_are_traced_as_they_run(start: int) -> None:
    for seed in range(start, start + 100):
        check(seed)
