"""The process that runs the user's program: run by path with the user's interpreter, never imported by the server.

Standard library only, Python 3.8 and newer. There are two roles:

- the *guardian* imports debugpy, then waits for cases on its standard input and forks a process for each, so that a
  case starts from a warm interpreter and cannot spoil the next one. It tells on its standard output when a case has
  ended. It never runs the user's code. When its input ends, because the server has gone, it ends every process that
  descends from it, also those that left their process group. Its parent, the *keeper*, does that when it is killed.
- a *case* connects debugpy to the server, which speaks the Debug Adapter Protocol with it, takes one job by an
  `evaluate` request, runs it and writes every event to a journal before the program goes on.

The journal is a file mapped into memory: what was written survives the process, however it dies.

Where there is no `fork`, one process is both and takes one case.
"""

# ruff: noqa: E402, PTH102, PTH118, PTH120, PTH123, PTH208  the path is put right first; `os` is what is loaded already
from __future__ import annotations

import sys

_HERE = sys.path.pop(0)  # else a user's `import dap` would find ours; before anything else is imported

import builtins

globals()["__builtins__"] = vars(builtins).copy()  # the program may replace them

import contextlib
import ctypes
import faulthandler
import gc
import importlib.machinery
import importlib.util
import json
import mmap
import os
import queue
import select
import shutil
import signal
import threading
import time
import types
from collections.abc import Iterable
from typing import Any

_PARTS = (
    "stack", "quiet", "reach", "reprs", "atoms", "values", "insides", "tracers", "framed", "scope", "recording",
    "probe", "lines", "gathering", "comprehensions", "importing",
)  # fmt: skip
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SPARE_SECONDS = 30
"""More seconds of a processor than the run may take: it is ended from without, where that can be."""
_RESERVE = 1 << 16
"""Bytes of the journal kept free for its last record."""


def _load(name: str, path: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = globals()["__builtins__"]
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> None:
    debugpy_folder = sys.argv[1]
    for name in _PARTS:  # each finds those before it by their plain names
        sys.modules[name] = _load("_cwm_" + name, os.path.join(_HERE, name + ".py"))
    probe, comprehensions, importing = (sys.modules[name] for name in ("probe", "comprehensions", "importing"))
    for name in _PARTS:
        del sys.modules[name]
    debugpy = _import_debugpy(debugpy_folder)
    forks = hasattr(os, "fork")
    if forks:
        _keep()
    confinement = _load("_cwm_confinement", os.path.join(os.path.dirname(_HERE), "confinement.py"))
    _report(
        {
            "ready": list(sys.version_info[:3]),
            "implementation": sys.implementation.name,
            "debugpy": debugpy.__version__,
            "forks": forks,
            "sandbox": forks and confinement.can_sandbox(),
        }
    )
    case = Case(debugpy, probe, comprehensions, importing)
    gc.collect()
    gc.freeze()  # none of it is garbage, or an object, of the program's
    if forks:
        Guardian(case).serve()
    else:
        specification = json.loads(sys.stdin.buffer.readline())
        _report({"started": os.getpid()})
        case.prepare(specification)


def _keep() -> None:
    """Puts a process around the guardian: its parent, which ends what is left when the guardian has been killed."""
    _prctl(_SUBREAPER, 1)
    keeper = os.getpid()
    guardian = os.fork()
    if not guardian:
        _prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(1)
        return
    os.close(0)
    os.close(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(-1, 0)[0] != guardian:
                continue
        _end_children()
        os._exit(0)


def _end_children() -> None:
    """Kills all that descends from this process, also what is only then adopted, and waits for it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        _kill(_children())
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.002)


def _import_debugpy(folder: str) -> Any:
    """The server's debugpy: its Python parts work with every version; its neighbours stay off the path."""
    before = dict(os.environ)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # its advice about frozen modules is not for this case
    spec = importlib.util.spec_from_file_location(
        "debugpy", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["debugpy"] = module
    spec.loader.exec_module(module)
    import debugpy.server.api  # noqa: F401  brings pydevd in, which is most of the time

    os.environ.clear()
    os.environ.update(before)
    return module


def _report(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


class Guardian:
    """Forks a process per case and sees to it that nothing outlives a case, or the server."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._pid = 0
        self._folder = ""
        self._input = b""
        self._is_case = False

    def serve(self) -> None:
        """Returns in the processes of cases, each ready to go; the guardian's own ends."""
        _prctl(_SUBREAPER, 1)
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        try:
            while True:
                ready, _, _ = select.select([0, woken], [], [])
                if woken in ready:
                    os.read(woken, 4_096)
                    self._reap()
                if 0 in ready and not self._listen((woken, wake)):
                    break
                if self._is_case:
                    return
        finally:
            if not self._is_case:
                self._sweep()
                if self._folder:
                    shutil.rmtree(self._folder, ignore_errors=True)
                # No clean-up of debugpy's, which has nothing to clean here.
                os._exit(0)

    def _listen(self, pipes: tuple[int, int]) -> bool:
        data = os.read(0, 1 << 16)
        self._input += data
        while b"\n" in self._input:
            line, _, self._input = self._input.partition(b"\n")
            command = json.loads(line)
            if "kill" in command:
                if self._pid:
                    _kill([self._pid])
            else:
                self._start(command, pipes)
                if self._is_case:
                    break
        return bool(data)

    def _start(self, specification: dict[str, Any], pipes: tuple[int, int]) -> None:
        guardian = os.getpid()
        pid = os.fork()
        if pid:
            self._pid = pid
            self._folder = specification["folder"]
            _report({"started": pid})
            return
        self._is_case = True
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != guardian:
            os._exit(1)
        for pipe in pipes:
            os.close(pipe)
        if specification["sandbox"]:
            _enter_sandbox(specification["folder"], specification["port"])
        self._case.prepare(specification)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._pid = 0
                self._sweep(pid)
                _report({"ended": status})

    def _sweep(self, group: int = 0) -> None:
        """Kills all descendants and waits for them; where orphans cannot be adopted, the group is what can be had."""
        if group or self._pid:
            with contextlib.suppress(OSError):
                os.killpg(group or self._pid, signal.SIGKILL)
        _end_children()


def _enter_sandbox(folder: str, port: int) -> None:
    """From here on only what is in the folder can be changed, and only the server be connected to."""
    scratch = os.path.join(folder, "tmp")
    os.mkdir(scratch)
    os.environ["TMPDIR"] = scratch
    if not sys.modules["_cwm_confinement"].confine([folder], port=port, start=True).write:
        os._exit(1)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    """Processes whose parent is this one; none where there is no /proc."""
    own = str(os.getpid()).encode()
    found = []
    try:
        entries = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return []
    for entry in entries:
        try:
            with open("/proc/" + entry + "/stat", "rb") as file:
                # The name, in parentheses, may hold anything; state and parent come after it.
                if file.read().rpartition(b")")[2].split()[1] == own:
                    found.append(int(entry))
        except OSError:
            continue
    return found


class Journal:
    """Records, one JSON document a line, in a file of a fixed size that is zero where nothing was written."""

    def __init__(self, path: str, size: int) -> None:
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self._end = size - _RESERVE
        self._at = 0
        self._quote = json.encoder.encode_basestring_ascii
        self._begins: dict[tuple[int, int], str] = {}
        self._names: dict[str, str] = {}

    def emit(self, record: list[Any]) -> None:
        """Writes one record; `OverflowError` where it does not fit."""
        kind = record[0]
        # Most are of these forms, and this is quicker.
        if kind == "l" and len(record) == 4 and record[2] is not None:
            _, depth, line, texts = record
            begin = self._begins.get((depth, line))
            if begin is None:
                begin = self._begins[depth, line] = f'["l",{depth},{line},{{'
            data = (begin + self._texts(texts) + "}],\n").encode()
        elif kind == "r" and len(record) == 4 and record[2] is not None:
            data = f'["r",{record[1]},{record[2]},{self._quote(record[3])}],\n'.encode()
        elif kind == "c" and len(record) == 5 and record[2] is not None:
            _, depth, line, name, texts = record
            data = f'["c",{depth},{line},{self._quote(name)},{{{self._texts(texts)}}}],\n'.encode()
        else:
            data = self._json(record).encode() + b",\n"
        at = self._at
        after = at + len(data)
        if after > self._end and (kind != "end" or after > self._end + _RESERVE):
            raise OverflowError
        self._map[at:after] = data
        self._at = after

    def _json(self, value: Any) -> str:
        """As `json` would have it, whatever the program has done to that."""
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, str):
            return self._quote(value)
        if isinstance(value, dict):
            return "{" + ",".join([self._quote(key) + ":" + self._json(item) for key, item in value.items()]) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ",".join([self._json(item) for item in value]) + "]"
        return str(value)

    def _texts(self, texts: dict[str, str]) -> str:
        if len(texts) == 1:
            for name, text in texts.items():
                begin = self._names.get(name) or self._named(name)
                return begin + self._quote(text)
        quote = self._quote
        return ",".join([quote(name) + ":" + quote(text) for name, text in texts.items()]) if texts else ""

    def _named(self, name: str) -> str:
        begin = self._names[name] = self._quote(name) + ":"
        return begin


class _Impatient:
    """`time` for pydevd while it connects: a tenth of a second that it gives its threads to start is not needed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        pass


class Case:
    """One job under debugpy, in a process of its own."""

    def __init__(self, debugpy: Any, probe: Any, comprehensions: Any, importing: Any) -> None:
        self._debugpy = debugpy
        self._probe = probe
        self._comprehensions = comprehensions
        self._importing = importing
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()

    def prepare(self, specification: dict[str, Any]) -> None:
        """Connects to the server, takes a job and does what comes before the call; `sys.excepthook` makes it."""
        folder = specification["folder"]
        self._redirect(folder)
        faulthandler.enable(all_threads=False)
        # `evaluate` requests find the case here.
        home = types.ModuleType("_cwm_case")
        home.deliver = self._deliver  # type: ignore[attr-defined]
        sys.modules["_cwm_case"] = home
        self._debugpy.configure(subProcess=False)
        import pydevd  # type: ignore[import-not-found]

        pydevd.time = _Impatient()
        self._debugpy.connect(("127.0.0.1", specification["port"]), access_token=specification["token"])
        pydevd.time = time
        # pydevd sends a header and a body: without this each message waits for the acknowledgement of the one before.
        pydevd.get_global_debugger().writer.sock.setsockopt(6, 1, 1)
        self._debugpy.wait_for_client()
        # There are no breakpoints here, and up to 3.11 its tracer would slow the program's own imports down.
        self._debugpy.trace_this_thread(False)
        self._undo_patches()
        job = self._jobs.get()
        if specification["sandbox"] and not sys.modules["_cwm_confinement"].seal(start=True):
            os._exit(1)
        journal = Journal(os.path.join(folder, "journal"), job["limits"]["size"])
        self._work(job, journal)

    def _undo_patches(self) -> None:
        """Gives back what pydevd has put in place of functions of the program's."""
        from _pydev_bundle import pydev_monkey  # type: ignore[import-not-found]

        pydev_monkey.undo_patch_thread_modules()
        sys.settrace = self._probe.original_settrace()
        threading._trace_hook = None  # type: ignore[attr-defined]

    def _deliver(self, job: str) -> None:
        self._jobs.put(json.loads(job))

    def _redirect(self, folder: str) -> None:
        """Standard input is empty; what the program prints goes to files, which never block it."""
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_APPEND)
            os.dup2(file, number)
            os.close(file)
        os.close(null)

    def _work(self, job: dict[str, Any], journal: Journal) -> None:
        pid = os.getpid()
        limits = self._probe.Limits(**job["limits"])
        _limit(limits, job["seconds"])
        os.chdir(job["cwd"])
        sys.path[:0] = job["sys_path"]
        sys.argv = [job["path"]]
        sys.modules["__main__"] = types.ModuleType("__main__")

        def stop(_end: dict[str, Any]) -> None:
            self._finish()

        def done(_end: dict[str, Any]) -> None:
            if os.getpid() != pid:  # the program forked, and this is its child
                os._exit(0)
            self._finish()

        try:
            if job["workspace"] is not None and self._comprehensions.INLINED:
                files = self._probe.Files(job["path"], job["workspace"])
                sys.meta_path.insert(0, self._importing.WorkspaceFinder(files, self._comprehensions.compile_module))
            module = self._importing.module_of(job, self._comprehensions.compile_module)
        except BaseException as error:
            fault = self._importing.failure(error, job["path"])
        else:
            gc.collect()
            try:
                sys.excepthook = self._probe.framed_trace(
                    job["call"],
                    module.__dict__,
                    job["path"],
                    [tuple(target) for target in job["targets"]],
                    workspace=job["workspace"],
                    limits=limits,
                    emit=journal.emit,
                    stop=stop,
                    done=done,
                    before=job["before"],
                )
                return
            except SyntaxError as error:  # newer syntax than this interpreter's
                fault = f"the call is not valid in Python {sys.version_info[0]}.{sys.version_info[1]}: {error.msg}"
        if os.getpid() == pid:
            journal.emit(["end", {"kind": "error", "detail": fault, "threads": []}])
        done({})

    def _finish(self) -> None:
        """Tells the server, and waits for the end."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the program may have closed it, or put something else there
                stream.flush()
        try:
            import pydevd

            pydevd.send_json_message({"type": "event", "event": "cwmRecorded", "body": {}})
        except Exception:  # noqa: S110  the server looks at the journal as well
            pass
        while True:
            threading.Event().wait()


def _limit(limits: Any, seconds: float) -> None:
    """What one process of the program may take, where there are such limits; a lower one that it has stays."""
    try:
        import resource
    except ImportError:
        return
    for name, most in (
        ("RLIMIT_DATA", limits.memory),
        ("RLIMIT_FSIZE", max(limits.file_size, limits.size)),
        ("RLIMIT_NOFILE", limits.open_files),
        ("RLIMIT_NPROC", limits.processes),
        ("RLIMIT_CPU", int(seconds) + _SPARE_SECONDS),
        ("RLIMIT_CORE", 0),
    ):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            kind = getattr(resource, name)
            soft, hard = resource.getrlimit(kind)
            if soft == resource.RLIM_INFINITY or soft > most:
                resource.setrlimit(kind, (most, hard))


class _Begin(BaseException):
    """Ends this module, so that no frame of ours is under the program's: `sys.excepthook` is called from none."""


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    raise _Begin
