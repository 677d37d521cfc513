"""The functions of a git working tree that differ from those of a revision."""

from __future__ import annotations

import ast
import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cwm_lsp.errors import UserError
from cwm_lsp.search.crashes import wanted
from cwm_lsp.search.workspace import Changed, File
from cwm_lsp.source.functions import Function, by_qualname
from cwm_lsp.source.trees import tree_of

_SECONDS = 60.0
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
"""Nothing that a repository's own settings name is run."""


@contextmanager
def changed_since(revision: str, folder: Path, python: str | None = None) -> Iterator[tuple[list[Changed], list[str]]]:
    """The functions around a folder that have changed since a revision, and why some files cannot be read; the files of
    the revision are there until the context is left.

    Raises:
        UserError: the folder is in no git repository, or that has no such revision.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = (
        _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    )
    names = _git(root, "diff", "--name-only", "-z", "--no-ext-diff", "--diff-filter=M", commit, "--", "*.py")
    with TemporaryDirectory(prefix="cwm-lsp-") as kept:
        _extract(root, commit, Path(kept))
        changed: list[Changed] = []
        broken: list[str] = []
        for name in filter(None, names.decode("utf-8", "surrogateescape").split("\0")):
            try:
                old, new = File.read(Path(kept, name), python), File.read(root / name, python)
            except UserError as error:
                broken.append(str(error))
                continue
            changed += _changed(old, File(_shown(root / name), new.path, new.text, python))
        yield changed, broken


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _changed(old: File, new: File) -> Iterator[Changed]:
    before = by_qualname(old.text)
    for function in wanted(new.text):
        counterpart = before.get(function.qualname)
        if counterpart is not None and _meaning(old.text, counterpart) != _meaning(new.text, function):
            yield Changed(old, counterpart, new, function)


def _meaning(source: str, function: Function) -> str:
    """What a function's text says, but for its layout, comments and docstring."""
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == function.def_line:
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
            return ast.dump(node)
    return ""


def _extract(root: Path, commit: str, folder: Path) -> None:
    """The Python files of a commit, in a folder."""
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", commit))) as archive:
        for member in archive:
            inside = Path(member.name)
            if member.isfile() and ".." not in inside.parts and not inside.is_absolute():
                read = archive.extractfile(member)
                if read is not None and inside.suffix in (".py", ".toml", ".cfg", ".ini"):
                    (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                    (folder / inside).write_bytes(read.read())


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        command = ["git", *_QUIET, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except FileNotFoundError:
        raise UserError("git is not installed; it says what has changed") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"git {arguments[0]} took more than {_SECONDS:g} s") from None
    if done.returncode != 0:
        told = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        if arguments[0] == "rev-parse" and "--verify" in arguments:
            told = f"there is no revision '{arguments[-1].removesuffix('^{commit}')}'"
        elif "--show-toplevel" in arguments:
            raise UserError(
                f"{folder} is in no git repository; run it in one, or compare two files: find --differs-from"
            )
        raise UserError(f"{told or 'git ' + arguments[0] + ' failed'}; see git log for what there is")
    return done.stdout
