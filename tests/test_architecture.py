"""The rules of docs/architecture.md that a machine can hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cwm_lsp"

MAY_IMPORT = {
    "source": {"source", "trace", "errors"},
    "trace": {"source", "trace", "errors"},
    "evaluate": {"evaluate", "source", "trace", "errors", "confinement"},
    "search": {"search", "evaluate", "source", "trace", "errors"},
    "predict": {"predict", "evaluate", "source", "trace", "errors"},
    "verdicts": {"verdicts", "evaluate", "source", "trace", "errors"},
    "record": {"record", "source", "trace", "errors", "framing", "confinement"},
    "repair": {"repair", "search", "verdicts", "evaluate", "source", "trace", "errors"},
    "dap": {"dap", "source", "trace", "errors", "framing"},
}
"""Package → what of the project its files may import. What is not named here stands above these and may import all."""

TORCH = ("predict/engines", "lab")
"""The only places that may import torch, transformers or accelerate at all."""


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at whatever place, with relative names made absolute."""
    package = ["cwm_lsp", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *([node.module] if node.module else [])])


def files(package: str) -> list[Path]:
    return sorted((PACKAGE / package).rglob("*.py"))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_point_one_way(package: str) -> None:
    assert files(package)
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files(package)
        for name in imports(path)
        if name.startswith("cwm_lsp.") and name.split(".")[1] not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_no_circle_of_imports() -> None:
    """Those for types alone and those inside of functions included: what a file builds on can be read without it."""
    modules = {
        ".".join(("cwm_lsp", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in files(".")
    }

    def imported(path: Path) -> Iterator[str]:
        package = ["cwm_lsp", *path.relative_to(PACKAGE).parent.parts]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                inner = [f"{module}.{alias.name}" for alias in node.names]
                yield from (name if name in modules else module for name in inner)

    graph = {name: {other for other in imported(path) if other in modules} for name, path in modules.items()}
    list(TopologicalSorter(graph).static_order())  # a circle is a CycleError that names it


def test_torch_stays_where_it_belongs() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files(".")
        if not path.relative_to(PACKAGE).as_posix().startswith(TORCH) and path.name != "doctor.py"
        for name in imports(path)
        if name.split(".")[0] in ("torch", "transformers", "accelerate")
    ]
    assert not wrong


def test_views_do_no_io() -> None:
    forbidden = {"os", "io", "pathlib", "subprocess", "socket", "asyncio", "threading", "pygls"}
    wrong = [
        f"{path.name} imports {name}"
        for path in files("lsp/views")
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]
    assert files("lsp/views")
    assert not wrong


@pytest.mark.parametrize(
    "code",
    [
        "from cwm_lsp.cli import cli; cli(['--help'], standalone_mode=False)",
        "import cwm_lsp.lsp.server",
        "import cwm_lsp.source.calls, cwm_lsp.trace.compare, cwm_lsp.record.recorder",
    ],
)
def test_heavy_imports_come_late(code: str) -> None:
    check = (
        "; import sys; print([m for m in ('torch', 'transformers', 'numpy', 'typeshed_client') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_who_has_another_process_evaluate_loads_no_interpreter() -> None:
    code = "import sys, cwm_lsp.predict.predictor, cwm_lsp.lsp.worker"
    check = "; print(bool({'cwm_lsp.evaluate.interpreter', 'cwm_lsp.evaluate.library'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def named(page: str) -> Iterator[tuple[Path, str]]:
    """The folders and files that the listing of packages names, each with the folder that its line is about."""
    folders: list[str] = []
    for line in page.split("```")[1].splitlines():
        entry = re.match(r"((?:  ){0,2})([\w.-]+/?)", line)
        if entry is not None:
            del folders[len(entry[1]) // 2 :]
            if entry[2].endswith("/"):
                folders.append(entry[2])
                yield Path(*folders[:-1]), entry[2]
        for name in re.findall(r"(?<![\w…])[\w/]+\.py\b", line):
            yield Path(*folders), name


def test_what_the_page_names_is_there() -> None:
    """Beside what its line is about, or above."""
    root = PACKAGE.parent
    found = list(named((root / "docs" / "architecture.md").read_text(encoding="utf-8")))
    assert len(found) > 200
    missing = [
        f"{folder}: {name}"
        for folder, name in found
        if not any((root / above / name).exists() for above in (folder, *folder.parents))
    ]
    assert not missing


def test_nothing_names_a_machine() -> None:
    root = PACKAGE.parent
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    wrong = []
    for name in tracked.stdout.splitlines():
        path = root / name
        if path.suffix in {".safetensors", ".png", ".svg", ".gif"} or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{name}: {needle}" for needle in ("/wo" + "rk/main", "/ro" + "ot/") if needle in text]
    assert not wrong
