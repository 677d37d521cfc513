"""What pytest is told of a project, read from its files."""

from __future__ import annotations

import configparser
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch, translate
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILES = (
    ("pytest.ini", "pytest"), (".pytest.ini", "pytest"), ("pyproject.toml", ""), ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)  # fmt: skip
_ERRORS = (OSError, UnicodeDecodeError, configparser.Error, tomllib.TOMLDecodeError)


@dataclass(frozen=True)
class Configuration:
    """The options of pytest that decide what tests there are and how they end."""

    root: Path
    files: tuple[str, ...] = ("test_*.py", "*_test.py")
    classes: tuple[str, ...] = ("Test",)
    functions: tuple[str, ...] = ("test",)
    paths: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    doctest_flags: tuple[str, ...] = ()
    strict: bool = False
    """Of `xfail`."""
    addopts: tuple[str, ...] = ()

    def is_test_file(self, path: Path) -> bool:
        return any(fnmatch(path.name, pattern) for pattern in self.files)

    @property
    def warnings_are_errors(self) -> bool:
        return any(line.partition(":")[0].strip() == "error" for line in self.filters) or any(
            option.startswith(("-Werror", "error")) for option in self.addopts
        )


def patterns(names: Sequence[str]) -> list[str]:
    """The regular expressions of what pytest takes as a prefix or, with wildcards in it, as a pattern."""
    return [translate(name) if set(name) & set("*?[") else f"{re.escape(name)}.*" for name in names]


def matches(name: str, names: Sequence[str]) -> bool:
    """Whether a name is of a test, by the prefixes and patterns that are configured."""
    return any(re.fullmatch(pattern, name) for pattern in patterns(names))


def configuration(root: Path) -> Configuration:
    """That of a project's folder: of the first file that has some."""
    for name, section in _FILES:
        file = root / name
        if not file.is_file():
            continue
        try:
            options = _of_toml(file) if not section else _of_ini(file, section)
        except _ERRORS:
            continue
        if options is not None:
            return _made(root, options)
    return Configuration(root)


def _of_toml(file: Path) -> Mapping[str, Any] | None:
    tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("pytest", {})
    found = tool.get("ini_options", {key: value for key, value in tool.items() if not isinstance(value, dict)})
    return found if isinstance(found, dict) and found else None


def _of_ini(file: Path, section: str) -> Mapping[str, Any] | None:
    parser = configparser.RawConfigParser()
    parser.read_string(file.read_text(encoding="utf-8"))
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if section == "pytest" and file.name.endswith("pytest.ini") else None


def _made(root: Path, options: Mapping[str, Any]) -> Configuration:
    def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = options.get(name)
        if value is None:
            return default
        return tuple(map(str, value)) if isinstance(value, list) else tuple(shlex.split(str(value), posix=True))

    filters = options.get("filterwarnings", ())
    lines = filters.splitlines() if isinstance(filters, str) else map(str, filters)
    return Configuration(
        root,
        files=words("python_files", Configuration.files),
        classes=words("python_classes", Configuration.classes),
        functions=words("python_functions", Configuration.functions),
        paths=words("testpaths"),
        fixtures=words("usefixtures"),
        filters=tuple(line.strip() for line in lines if line.strip()),
        doctest_flags=words("doctest_optionflags"),
        strict=str(options.get("xfail_strict", options.get("strict", "false"))).lower() in ("1", "yes", "true", "on"),
        addopts=words("addopts"),
    )
