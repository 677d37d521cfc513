"""`vllm:MODEL`: a server that is started, shared and ended. In vLLM's place stands a process with its command line."""

import json
import os
import sys
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from cwm_lsp import __version__
from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.predict import engines
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, vllm
from cwm_lsp.predict.predictor import Predictor
from tests.predict.tasks import tasks

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="vLLM does not run there"), pytest.mark.slow]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def python(tmp_path):
    """An interpreter whose `vllm` is the stand-in."""
    package = tmp_path / "site" / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    (package / "api_server.py").write_text("import tests.engines.stand_in_vllm\n")
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/site:{ROOT} OMP_NUM_THREADS=1 exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return script


def alive(pid):
    with suppress(OSError):
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3] if Path("/proc").is_dir() else True
    return False


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def keeper(folder):
    (state,) = folder.glob("*.json")
    return json.loads(state.read_text())["pid"]


def test_it_is_started_shared_and_ended_with_the_last(python, checkpoint, loaded, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(vllm, "GRACE", 0.5)
    options = Options(f"vllm:{checkpoint}", server_python=str(python))
    first = engines.load(options)
    pid = keeper(tmp_path / "state" / "cwm-lsp" / "vllm")
    second = engines.load(options)
    assert keeper(tmp_path / "state" / "cwm-lsp" / "vllm") == pid
    assert first.lease.url == second.lease.url
    task = tasks()[sorted(tasks())[0]]
    budget = Budget(tokens=12, seconds=500)
    theirs = Predictor.of(second).predict(task, assist="off", budget=budget)
    ours = Predictor.of(type(loaded)(loaded.model, loaded.tokenizer, "tiny")).predict(task, assist="off", budget=budget)
    assert theirs.events == ours.events
    first.lease.close()
    time.sleep(1.5)
    assert alive(pid)  # the other one still needs it
    second.lease.close()
    until(lambda: not alive(pid))
    assert not list((tmp_path / "state" / "cwm-lsp" / "vllm").glob("*.json"))


def test_what_is_missing_is_told_in_one_line(python, checkpoint, tmp_path, monkeypatch):
    name = f"vllm:{checkpoint}"
    with pytest.raises(UnavailableError, match=r"there is no .*nowhere: set model\.serverPython"):
        engines.check(Options(name, server_python=str(tmp_path / "nowhere")))
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(UnavailableError, match=r"bare has no vLLM: run .*bare -m pip install vllm") as told:
        vllm.start(Options(name, server_python=str(bare)), tmp_path / "one")
    assert "\n" not in str(told.value)
    monkeypatch.setenv("STAND_IN_FAILS", "1")
    with pytest.raises(UnavailableError, match=r"does not fit the GPU: use --quantization nf4.*out of memory") as told:
        vllm.start(Options(name, server_python=str(python)), tmp_path / "two")
    assert "\n" not in str(told.value)


def test_starting_can_be_cancelled(python, checkpoint, tmp_path):
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(Cancelled):
        vllm.start(Options(f"vllm:{checkpoint}", server_python=str(python)), tmp_path, cancel, grace=0.1)
    until(lambda: not list(tmp_path.glob("*.json")))


@pytest.mark.parametrize(
    ("gpus", "options", "flags"),
    [
        (0, {}, ["--enforce-eager", "--dtype", "float32"]),
        (1, {}, ["--gpu-memory-utilization", "0.92"]),
        (1, {"quantization": "nf4"}, ["--quantization", "bitsandbytes"]),
        (2, {}, ["--tensor-parallel-size", "2"]),
        (5, {}, ["--tensor-parallel-size", "4"]),  # a divisor of the heads of keys
    ],
)
def test_flags_are_those_for_the_gpus_that_there_are(gpus, options, flags, tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + "echo GPU\n" * gpus)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told = vllm.command(Options("vllm:facebook/cwm", **options), 8000)
    assert told[:4] == ["-m", "vllm.entrypoints.openai.api_server", "--model", "facebook/cwm"]
    assert " ".join(flags) in " ".join(told)
    assert ("--tensor-parallel-size" in told) == (gpus > 1)
    assert "--scheduler-cls" not in told


def test_a_server_with_this_package_writes_by_itself(tmp_path):
    python = tmp_path / "bin" / "python"
    assert not vllm._has_this(python)
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    (site / f"cwm_lsp-{__version__}.dist-info").mkdir(parents=True)
    assert vllm._has_this(python)
    told = vllm.command(Options("vllm:facebook/cwm"), 8000, writing=True)
    speculative = json.loads(told[told.index("--speculative-config") + 1])
    for name in (told[told.index("--scheduler-cls") + 1], speculative["model"]):  # they are there
        module, _, member = name.rpartition(".")
        assert f"class {member}" in Path(find_spec(module).origin).read_text()
