"""The programs whose evaluation tells of the tests of a file: small drivers around the session's stand-in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cwm_lsp.evaluate import Around
from cwm_lsp.source.environment import layout
from cwm_lsp.source.files import read_source
from cwm_lsp.verdicts.configuration import Configuration, patterns
from cwm_lsp.verdicts.discovery import Docstring, Outline, find
from cwm_lsp.verdicts.examples import examples_text
from cwm_lsp.verdicts.rewriting import rewritten

STAND_INS = Path(__file__).parent / "stand_ins"
NAMED = {path.stem: str(path) for path in STAND_INS.glob("*.py") if path.stem != "__init__"}
OF_PYTEST = {name: path for name, path in NAMED.items() if name != "unittest"}
"""What tests need that are called like other functions: `unittest`'s own is followed there."""
DRIVER = "_cwm_driver.py"
"""The file that a driver is taken for, in the folder of the tests: it is never written."""


@dataclass(frozen=True)
class Program:
    """A driver: `run()` is to be evaluated. Which of its lines is reached says what is under way; `names` are its
    variables that tell of it."""

    source: str
    around: Around


@dataclass(frozen=True)
class Conftest:
    """A `conftest.py` around a test file."""

    path: Path
    name: str
    outline: Outline


@dataclass(frozen=True)
class Subject:
    """A file and what is around it."""

    path: Path
    """Absolute."""
    text: str
    python: str | None
    configuration: Configuration
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files whose text differs from the disk's."""

    @property
    def module(self) -> str:
        return layout(self.path, self.text).module

    def conftests(self) -> list[Path]:
        """The `conftest.py` files around it, the outermost first."""
        folders = [folder for folder in reversed(self.path.parents) if folder.is_relative_to(self.configuration.root)]
        return [folder / "conftest.py" for folder in folders if (folder / "conftest.py").is_file()]

    def around(self, texts: Mapping[str, str], named: Mapping[str, str]) -> Around:
        return Around(
            str(self.path.with_name(DRIVER)), self.python, texts={**self.texts, **texts}, named={**NAMED, **named}
        )


def conftests(subject: Subject) -> list[Conftest]:
    """Those around a file, the outermost first."""
    found = []
    for path in subject.conftests():
        text = read_source(path)
        found.append(Conftest(path, layout(path, text).module, find(text).outline))
    return found


def of_tests(subject: Subject, found: Outline, outer: Sequence[Conftest], targets: Sequence[str], done: Collection[str],
             given_up: Collection[str]) -> Program:  # fmt: skip
    """The program that performs what the targets of a test file give, but for the items that are `done` and those of
    tests that are given up."""
    names, modules, loaded = {}, [], []
    for number, one in enumerate(outer):
        name = one.name
        if "." not in name:  # several of them have the same
            name = f"_cwm_conftest_{number}"
            names[name] = str(one.path)
        modules.append(_module(name, one.outline))
        loaded.append(name)
    modules.append(_module(subject.module, found))
    settings = {
        "functions": patterns(subject.configuration.functions),
        "classes": patterns(subject.configuration.classes),
        "usefixtures": list(subject.configuration.fixtures),
        "xfail_strict": subject.configuration.strict,
        "warnings": subject.configuration.warnings_are_errors,
    }
    source = f"""\
{_importing(*loaded, subject.module)}
from _cwm_session import Module, Session
session = Session([{", ".join(modules)}], {settings!r})
TARGETS = {tuple(targets)!r}
DONE = {frozenset(done)!r}
GIVEN_UP = {frozenset(given_up)!r}
def run():
    problem = session.load()
    if problem is None:
        for target in TARGETS:
            count = session.collect(target)
            for number in range(count):
                item = session.name(number)
                if item in DONE:
                    continue
                if item.partition("[")[0] in GIVEN_UP:
                    passed_over = item
                    continue
                outcome = session.perform(number)
                if outcome[1] == "fail":
                    detail = session.detail()[:2]
                    told = session.told(session.detail())
"""
    own = {str(subject.path): rewritten(subject.text)}
    return Program(source, subject.around(own, names))


def _importing(*modules: str) -> str:
    """Import modules where nothing catches what they raise: what they leave open is known to be that and no more."""
    return "\n".join(["from importlib import import_module", *(f"import_module({name!r})" for name in modules)])


def _module(name: str, found: Outline) -> str:
    return f"Module({name!r}, {found.fixtures!r}, {dict(found.classes)!r}, {found.imported!r})"


def of_docstrings(
    subject: Subject, docstrings: Mapping[int, Docstring], left_out: Collection[tuple[int, int]]
) -> Program:
    """The program that goes through the examples of docstrings, but for those that are left out."""
    names, texts = {}, {}
    plan: list[tuple[int, int]] = []
    for number, docstring in docstrings.items():
        name = f"_cwm_examples_{number}"
        file = str(subject.path.with_name(f"{name}.py"))
        names[name] = file
        texts[file] = examples_text(subject.module, subject.text, docstring)
        plan += [(number, index) for index in range(len(docstring.examples)) if (number, index) not in left_out]
    source = f"""\
{_importing(subject.module)}
from _cwm_examples import load, perform
PLAN = {tuple(plan)!r}
def run():
    problem = load({subject.module!r})
    if problem is None:
        for item in PLAN:
            outcome = perform(item)
"""
    return Program(source, subject.around(texts, names))
