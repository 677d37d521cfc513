"""What cwm-lsp needs on this machine, tried out rather than assumed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cwm_lsp import __version__
from cwm_lsp.errors import Cancelled, UnavailableError, UserError
from cwm_lsp.source.environment import interpreter, project

if TYPE_CHECKING:
    from cwm_lsp.predict.predictor import Predictor
    from cwm_lsp.settings import Settings

GB = 10**9
_SECONDS = 5.0
"""That the model is tried for."""
_TOKENS = 1_000
"""Tokens that the example may have at least: much of it is not left to the model."""
_OPTIONAL = {
    "torch": "local",
    "transformers": "local",
    "accelerate": "local",
    "bitsandbytes": "quantized",
    "compressed-tensors": "quantized",
    "httpx": "server",
}
"""Package → the extra that brings it."""
_USES = {
    "local": "a folder or hub id as the model",
    "quantized": "int8 and nf4, and for quantised checkpoints",
    "server": "a server as the model",
}

Status = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    fix: str | None = None
    """What to do about it."""

    def to_json(self) -> dict[str, str | None]:
        """As `doctor --json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was looked at: what is used first, then what could be."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Findings:
        """Put in order."""
        return cls(tuple(sorted(findings, key=lambda finding: finding.status == "note")))

    @property
    def broken(self) -> bool:
        """Whether the main job cannot be done on this machine."""
        return any(finding.status == "broken" for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """All of it in a sentence."""
        broken = [finding.name for finding in self.findings if finding.status == "broken"]
        if broken:
            return f"This does not work: {', '.join(broken)}."
        return "Everything that you use works."

    def to_json(self) -> dict[str, Any]:
        """As `doctor --json` prints it."""
        findings = [found.to_json() for found in self.findings]
        return {"broken": self.broken, "findings": findings, "conclusion": self.conclusion}


def examine(settings: Settings, python: Path | None = None) -> Findings:
    """Look at the machine, and at the model that the settings name, which is loaded. `python` is tried."""
    from cwm_lsp.predict.predictor import Predictor

    predictor = cache(lambda: Predictor.load(**settings.model.model_dump()))
    return Findings.of((*examine_machine(settings, python), *examine_model(settings, predictor)))


def examine_machine(settings: Settings, python: Path | None = None, folder: Path | None = None) -> Iterator[Finding]:
    """Look at the installation, the recorder, which runs the bundled example for real, and the editors.

    The example is run by `python`, else by our own interpreter. The one that the settings name is not started: they may
    be those of a folder that somebody else wrote. Memory is that of the project around `folder`, else the working one.
    """
    yield Finding("cwm-lsp", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    for package in ("pygls", "lsprotocol", "debugpy"):
        yield _package(package)
    for package, extra in _OPTIONAL.items():
        yield _package(package, extra)
    yield _machine()
    yield from _gpus()
    yield _tried(
        "recording",
        lambda: _record_example(settings, python or Path(sys.executable)),
        "set --python to an interpreter that can run debugpy",
    )
    if settings.record.python and not python:
        yield _interpreter(settings.record.python)
    yield _tried("confinement", _confinement, "reinstall cwm-lsp")
    yield Finding("memory", "ok", _memory(settings, folder or Path.cwd()))
    for editor in ("nvim", "code"):
        yield _editor(editor)


def examine_model(
    settings: Settings, predictor: Callable[[], Predictor], cancel: threading.Event | None = None
) -> Iterator[Finding]:
    """Look at a model, and have it predict the bundled example for a few seconds. It is loaded if it was not.

    Raises:
        Cancelled: `cancel` was set.
    """
    yield _tried(
        "model", lambda: _model(settings, predictor()), "choose another with --model or the setting model.name"
    )
    yield _tried("prediction", lambda: _predict_example(settings, predictor(), cancel), "see docs/engines.md")


def _package(name: str, extra: str | None = None) -> Finding:
    """A package that is needed, or that an extra brings."""
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        if extra:
            return Finding(name, "note", f"not installed: needed for {_USES[extra]}", f"pip install 'cwm-lsp[{extra}]'")
        return Finding(name, "broken", "not installed", f"{sys.executable} -m pip install {name}")


def _machine() -> Finding:
    """Processor and main memory."""
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    found = f"{os.cpu_count()} cores, {memory.available / GB:.1f} of {memory.total / GB:.1f} GB of main memory free"
    return Finding("machine", "ok", found)


def _gpus() -> Iterator[Finding]:
    """The driver and what it drives, and whether torch can use it."""
    command = shutil.which("nvidia-smi")
    if command is not None:
        query = "--query-gpu=name,driver_version,memory.free,memory.total"
        told = _said([command, query, "--format=csv,noheader"])
        yield (
            Finding("driver", "ok", told) if told else Finding("driver", "note", "nvidia-smi fails", "mend the driver")
        )
    try:
        import torch
    except ImportError as error:
        if find_spec("torch"):
            yield Finding("device", "note", f"torch is not usable: {error}", "pip install 'cwm-lsp[local]'")
        return
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        major, minor = torch.cuda.get_device_capability()
        toolkit = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
        name = f"{torch.cuda.get_device_name()}, compute capability {major}.{minor}, {toolkit}"
        yield Finding("device", "ok", f"cuda: {name}, {free / GB:.1f} of {total / GB:.1f} GB free")
    elif torch.xpu.is_available():
        yield Finding("device", "ok", f"xpu: {torch.xpu.get_device_name()}")
    elif torch.backends.mps.is_available():
        yield Finding("device", "ok", "mps, which shares main memory")
    else:
        unused = "a GPU that this torch cannot use" if command else "no GPU"
        fix = "install the build of torch for your CUDA" if command else None
        yield Finding("device", "note", f"cpu; {unused}: fine for the bundled model, too slow for CWM-32B", fix)


def _model(settings: Settings, predictor: Predictor) -> str:
    """What runs a model, or would."""
    from cwm_lsp.predict import engines

    if predictor.loaded:
        return f"loaded: {predictor.engine.description}"
    return engines.describe(engines.Options(**settings.model.model_dump()))


def _tried(name: str, job: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(name, "ok", job())
    except (UserError, UnavailableError) as error:
        return Finding(name, "broken", str(error), fix)
    except Cancelled:
        raise
    except Exception as error:  # the doctor reports whatever ails
        return Finding(name, "broken", f"{type(error).__name__}: {error}", fix)


def _predict_example(settings: Settings, predictor: Predictor, cancel: threading.Event | None) -> str:
    """The bundled example, by the model alone, for a few seconds."""
    from cwm_lsp.jobs import predict_with

    tokens = max(_TOKENS, settings.predict.max_tokens)
    short = settings.predict.model_copy(update={"assist": "off", "timeout": _SECONDS, "max_tokens": tokens})
    started = time.monotonic()
    loaded = "" if predictor.loaded else f"; {predictor.engine.name} was loaded in {time.monotonic() - started:.1f} s"
    with as_file(files("cwm_lsp.examples") / "orders.py") as example:
        stats = predict_with(predictor, short, _target(str(example)), lambda: None, cancel).stats
    if not stats.forward_passes:
        raise UnavailableError("the model was not asked for anything")
    return (
        f"{stats.events} events in {stats.seconds:.2f} s: {stats.tokens / stats.seconds:.0f} tokens a second, "
        f"{stats.forward_passes / max(1, stats.events):.1f} passes an event{loaded}"
    )


def _memory(settings: Settings, folder: Path) -> str:
    """Where what runs saw is kept."""
    from cwm_lsp.record.store import TraceStore

    if not settings.record.remember:
        return "runs are not kept: the setting record.remember is off"
    path = TraceStore(project(folder / "program.py")).path
    size = path.stat().st_size if path.exists() else 0
    return f"runs of this project are kept in {path} ({size / 1e6:.1f} MB); cwm-lsp forget removes them"


def _confinement() -> str:
    """What the process that evaluates has given up, as it says itself."""
    from cwm_lsp.evaluate.evaluator import Evaluator

    evaluator = Evaluator()
    try:
        held = evaluator.confinement()
    finally:
        evaluator.close()
    if not any(held):
        return "the system has no way to confine the process that evaluates; it is bounded all the same"
    return f"the process that evaluates {held}: the system sees to it"


def _interpreter(configured: str) -> Finding:
    """The interpreter that the settings name, as far as can be told without starting it."""
    try:
        found = interpreter(Path.cwd() / "program.py", Path(configured))
    except UnavailableError as error:
        return Finding("interpreter", "note", str(error), "change the setting record.python")
    detail = f"{found} will run programs, and was not started"
    return Finding("interpreter", "ok", detail, f"to try it: cwm-lsp doctor --python {found}")


def _record_example(settings: Settings, python: Path) -> str:
    from cwm_lsp.jobs import recording

    settings = settings.model_copy(
        update={"record": settings.record.model_copy(update={"python": str(python), "remember": False})}
    )
    with as_file(files("cwm_lsp.examples") / "orders.py") as example, recording(settings) as record:
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
    told = _said([path, "--version"])
    return Finding(command, "ok", told) if told else Finding(command, "note", "does not start")


def _said(command: list[str]) -> str | None:
    """The first line that a program prints, None if it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return (result.stdout.splitlines() or ["?"])[0]
