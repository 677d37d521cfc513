"""The module that is recorded, imported in the form that the trace shall have.

Standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

if "." in __name__:
    from .values import Values
else:  # run by path, inside a debuggee that need not have the package
    from values import Values  # type: ignore[no-redef, import-not-found]


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a file compiled in the form that the trace shall have; the recorded one from the text that the job has."""

    def __init__(self, name: str, path: str, compile_module: Any, source: str | None = None) -> None:
        super().__init__(name, path)
        self._source = source
        self._compile = compile_module

    def get_code(self, fullname: str) -> types.CodeType:
        # Never from or to a cache: it is not the code that the file has outside of a recording.
        source = self.get_data(self.path) if self._source is None else self._source
        code: types.CodeType = self._compile(source, self.path)
        return code

    def get_source(self, fullname: str) -> str | None:
        return super().get_source(fullname) if self._source is None else self._source


class _Finder:
    """Finds the recorded module, whoever imports it first."""

    def __init__(self, name: str, path: str, loader: _Loader) -> None:
        self._name = name
        self._path = path
        self._loader = loader

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self._loader)


class WorkspaceFinder:
    """Finds what the others find, and has the workspace's files compiled in the form that the trace shall have."""

    def __init__(self, files: Any, compile_module: Any) -> None:
        self._files = files
        self._compile = compile_module

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None:
            return None
        loader = spec.loader
        if type(loader) is importlib.machinery.SourceFileLoader and self._files[loader.path] is not None:
            spec.loader = _Loader(fullname, loader.path, self._compile)
        return spec


def module_of(job: dict[str, Any], compile_module: Any) -> types.ModuleType:
    """Import what a job is about."""
    name = job["module"]
    loader = _Loader(name, job["path"], compile_module, job["source"])
    if name in sys.modules:  # a file called like a module that is in use already: json.py, types.py
        spec = importlib.util.spec_from_file_location(name, job["path"], loader=loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module
    sys.meta_path.insert(0, _Finder(name, job["path"], loader))
    return importlib.import_module(name)


def failure(error: BaseException, path: str) -> str:
    """What to tell where the file at a path could not be imported."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == path:
        line = error.lineno
    where = f" on line {line}" if line else ""
    return f"the file could not be imported{where}: {type(error).__name__}: {Values().message(error)}"
