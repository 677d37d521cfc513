"""What cwm-lsp needs on this machine, tried out rather than assumed."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from typing import Any, Literal

from cwm_lsp import __version__
from cwm_lsp.errors import UnavailableError, UserError

Status = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    fix: str | None = None
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        """Whether the main job cannot be done on this machine."""
        return any(finding.status == "broken" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As `doctor --json` prints it."""
        return {
            "broken": self.broken,
            "findings": [
                {"name": found.name, "status": found.status, "detail": found.detail, "fix": found.fix}
                for found in self.findings
            ],
        }


def examine() -> Findings:
    """Look at the installation, the model, the recorder and the editors. Takes some seconds: the bundled example is
    predicted and run for real."""
    return Findings(tuple(_examine()))


def _examine() -> Iterator[Finding]:
    yield Finding("cwm-lsp", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    for package in ("pygls", "lsprotocol", "debugpy"):
        yield _package(package)
    yield from _local_engine()
    yield _tried("prediction", _predict_example, "reinstall cwm-lsp: its bundled model does not work")
    yield _tried("recording", _record_example, "set --python to an interpreter that can run debugpy")
    for editor in ("nvim", "code"):
        yield _editor(editor)


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "broken", "not installed", f"{sys.executable} -m pip install {name}")


def _local_engine() -> Iterator[Finding]:
    try:
        import torch
    except ImportError as error:
        yield Finding(
            "torch", "note", f"not usable: {error}", "pip install 'cwm-lsp[local]', to load a model of your own"
        )
        return
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        device = f"{torch.cuda.get_device_name()}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    else:
        device = "no GPU: fine for the bundled model, too slow for CWM-32B"
    yield Finding("torch", "ok", f"{torch.__version__}, {device}")
    for package in ("transformers", "accelerate"):
        yield _package(package)


def _tried(name: str, job: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(name, "ok", job())
    except (UserError, UnavailableError) as error:
        return Finding(name, "broken", str(error), fix)
    except Exception as error:  # the doctor reports whatever ails
        return Finding(name, "broken", f"{type(error).__name__}: {error}", fix)


def _predict_example() -> str:
    from cwm_lsp.jobs import predicting
    from cwm_lsp.settings import Settings

    with as_file(files("cwm_lsp.examples") / "orders.py") as example, predicting(Settings()) as predict:
        trace = predict(_target(str(example)), lambda: None)
    stats = trace.stats
    return f"{stats.events} events in {stats.seconds:.2f} s, {stats.forward_passes} forward passes of the bundled model"


def _record_example() -> str:
    from cwm_lsp.jobs import recording
    from cwm_lsp.settings import Settings

    with as_file(files("cwm_lsp.examples") / "orders.py") as example, recording(Settings()) as record:
        trace = record(_target(str(example)), lambda: None)
    if trace.outcome.kind in ("error", "timeout"):
        raise UnavailableError(trace.outcome.detail or trace.outcome.kind)
    return f"{trace.stats.events} events in {trace.stats.seconds:.2f} s under debugpy {version('debugpy')}"


def _target(example: str) -> Any:
    from cwm_lsp.target import resolve

    return resolve(example, "order_total", None)


def _editor(command: str) -> Finding:
    path = shutil.which(command)
    if path is None:
        return Finding(command, "note", "not on PATH")
    try:
        result = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(command, "note", f"does not start: {error}")
    return Finding(command, "ok", (result.stdout.splitlines() or ["?"])[0])
