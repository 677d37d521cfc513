"""`vllm:MODEL`: a vLLM server of the user's own, started when it is first needed and shared until nobody needs it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp import __version__
from cwm_lsp.errors import Cancelled, UnavailableError

if TYPE_CHECKING:
    from cwm_lsp.predict.engines.options import Options

log = logging.getLogger(__name__)

PREFIX = "vllm:"
GRACE = 5.0
"""Seconds that a server outlives the last editor that used it."""
STARTING = 1800.0
"""Seconds that a server may take to start: it may have to download the model."""
_CONTEXT = 32_768
"""Tokens of context that are asked for at most: what a day's programs need, and what 24 GB have room for."""


WRITING = (
    "--scheduler-cls",
    "cwm_lsp.predict.engines.inside.Scheduler",
    "--speculative-config",
    json.dumps(
        {"method": "custom_class", "model": "cwm_lsp.predict.engines.inside.Proposer", "num_speculative_tokens": 64}
    ),
)
"""Options with which a vLLM that has this package, too, writes traces by itself."""


@dataclass
class Lease:
    """A running server that is one's own to use, until `close` or the end of the process."""

    url: str
    key: str
    connection: socket.socket

    def close(self) -> None:
        """It is not needed any more."""
        self.connection.close()


def server_python(options: Options) -> Path:
    """The interpreter that has vLLM: the one that the options name, else our own, else that of `vllm` on PATH.

    Raises:
        UnavailableError: there is none; the message says what to do.
    """
    how = "set model.serverPython to the interpreter of an environment that has vLLM (pip install vllm)"
    if sys.platform == "win32":
        raise UnavailableError(
            "vLLM does not run on Windows: run it elsewhere, and name its address (http://host:port)"
        )
    if options.server_python:
        named = Path(options.server_python).expanduser()
        if not named.is_file():
            raise UnavailableError(f"model.serverPython: there is no {named}: {how}")
        return named
    if _has_vllm(Path(sys.executable)):
        return Path(sys.executable)
    command = shutil.which("vllm")
    if command and (python := Path(command).resolve().parent / "python").is_file():
        return python
    raise UnavailableError(f"{options.name}: no vLLM was found here: {how}")


def _has_vllm(python: Path) -> bool:
    return any((python.parent.parent / "lib").glob("python3*/site-packages/vllm/__init__.py"))


def _has_this(python: Path) -> bool:
    """Whether an environment has this package as well, and the same version, so that what is told is understood."""
    mine = f"python3*/site-packages/cwm_lsp-{__version__}.dist-info"
    return any((python.parent.parent / "lib").glob(mine))


def command(options: Options, port: int, *, writing: bool = False) -> list[str]:
    """What starts the server, but for the interpreter. `writing`: it is to write traces by itself."""
    model = options.name.removeprefix(PREFIX)
    gpus = _gpus()
    flags = ["--model", model, "--served-model-name", "cwm", "--host", "127.0.0.1", "--port", str(port)]
    config = _config(model)
    made_for = int(config.get("max_position_embeddings") or _CONTEXT)
    flags += ["--max-model-len", str(min(made_for, _CONTEXT)), "--logprobs-mode", "raw_logprobs"]
    heads = int(config.get("num_key_value_heads") or 8)
    parallel = max(n for n in range(1, max(1, gpus) + 1) if heads % n == 0)
    if parallel > 1:
        flags += ["--tensor-parallel-size", str(parallel)]
    if not gpus:
        flags += ["--enforce-eager", "--dtype", "float32"]
    elif options.quantization == "nf4":
        flags += ["--quantization", "bitsandbytes"]
    elif options.quantization == "int8":
        raise UnavailableError("vLLM has no int8 that is made on loading: use nf4, or a checkpoint that is quantised")
    if gpus and options.memory is not None:
        total = _gpu_memory()
        flags += ["--gpu-memory-utilization", f"{min(0.95, options.memory * 1e9 / total):.2f}"] if total else []
    elif gpus:
        flags += ["--gpu-memory-utilization", "0.92"]
    return ["-m", "vllm.entrypoints.openai.api_server", *flags, *(WRITING if writing else ())]


def start(options: Options, folder: Path, cancel: threading.Event | None = None, grace: float = GRACE) -> Lease:
    """The server of a model: one that runs already, for whichever editor, or a new one. Waits until it answers; what it
    is doing goes to the log.

    Raises:
        UnavailableError: it does not start; the message says why, in one line.
        Cancelled: `cancel` was set.
    """
    python = server_python(options)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        named = json.dumps([str(python), options.name, options.quantization, options.memory])
        state = folder / f"{hashlib.sha256(named.encode()).hexdigest()[:16]}.json"
        kept = state.with_suffix(".server")
        connection = _connected(state)
        if connection is None:
            port, key = _free_port(), secrets.token_hex(16)
            _write(kept, {"url": f"http://127.0.0.1:{port}#cwm", "key": key})
            arguments = command(options, port, writing=_has_this(python))
            _launch(python, arguments, state, f"http://127.0.0.1:{port}/v1/models", key, grace)
            connection = _awaited(state, cancel)
    told = json.loads(kept.read_text(encoding="utf-8"))
    lease = Lease(told["url"], told["key"], connection)
    try:
        _until_ready(lease, options, python, state.with_suffix(".log"), cancel)
    except BaseException:
        lease.close()
        raise
    return lease


def _launch(python: Path, arguments: list[str], state: Path, url: str, key: str, grace: float) -> None:
    """The keeper, in a session of its own, so that it outlives the editor that happens to start it."""
    environment = {**os.environ, "VLLM_API_KEY": key, "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    environment.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    keeper = [sys.executable, "-m", "cwm_lsp.predict.engines.keeper"]
    subprocess.Popen(  # noqa: S603
        [*keeper, str(state), str(state.with_suffix(".log")), str(grace), url, str(python), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )


def _awaited(state: Path, cancel: threading.Event | None) -> socket.socket:
    for _ in range(300):
        if (connection := _connected(state)) is not None:
            return connection
        if cancel is not None and cancel.is_set():
            raise Cancelled
        time.sleep(0.1)
    raise UnavailableError(f"the process that keeps vLLM did not start: see {state.with_suffix('.log')}")


def _connected(state: Path) -> socket.socket | None:
    """A connection to the keeper that wrote the file, if it is there."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        told = json.loads(state.read_text(encoding="utf-8"))
        connection = socket.create_connection(("127.0.0.1", told["port"]), timeout=2)
        connection.sendall(told["token"].encode() + b"\n")
        return connection
    return None


def _until_ready(lease: Lease, options: Options, python: Path, log_file: Path, cancel: threading.Event | None) -> None:
    """Wait for the keeper to say that the server answers."""
    lease.connection.settimeout(0.2)
    received, deadline, last = b"", time.monotonic() + STARTING, ""
    while time.monotonic() < deadline:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        try:
            more = lease.connection.recv(4096)
        except TimeoutError:
            continue
        if not more:
            break
        *lines, received = (received + more).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if told["state"] == "ready":
                lease.connection.settimeout(None)
                return
            if told["state"] == "failed":
                raise UnavailableError(_why(options, python, told["detail"], log_file))
            if told["detail"] != last:
                last = told["detail"]
                log.info("%s is starting: %s", options.name, last)
    raise UnavailableError(f"{options.name}: vLLM did not start in time: see {log_file}")


def _why(options: Options, python: Path, detail: str, log_file: Path) -> str:
    """Why a server ended, and what to do about it, in one line."""
    if "No module named" in detail and "vllm" in detail:
        return f"{python} has no vLLM: run {python} -m pip install vllm, or set model.serverPython to one that has it"
    if "out of memory" in detail.lower() or "OutOfMemory" in detail or "KV cache" in detail:
        return (
            f"{options.name} does not fit the GPU: use --quantization nf4, a checkpoint in 4 bits or more GPUs "
            f"({detail}; more is in {log_file})"
        )
    return f"{options.name}: vLLM ended ({detail or 'without a word'}): see {log_file}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """No two editors start the same server."""
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, told: dict[str, str]) -> None:
    """A file that only the user reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _config(model: str) -> dict[str, Any]:
    """Of a folder; of a hub id nothing is looked up."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((Path(model) / "config.json").read_text(encoding="utf-8")))
    return {}


def _gpus() -> int:
    return len(_nvidia("--list-gpus"))


def _gpu_memory() -> float:
    """Bytes of the smallest GPU; 0 where that is not told."""
    lines = _nvidia("--query-gpu=memory.total", "--format=csv,noheader,nounits")
    return min((float(line) * 2**20 for line in lines if line.strip().isdigit()), default=0.0)


def _nvidia(*arguments: str) -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
        return told.stdout.splitlines()
    return []
