"""The engine of servers against a real one in this process: same outputs as at hand, and every way of misbehaving."""

import logging
import random
import threading
import time

import pytest

from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, Pass, Prefix, check, load
from cwm_lsp.predict.engines.served import ServedEngine
from cwm_lsp.predict.predictor import Predictor
from tests.engines.serving import serving, timed
from tests.predict.tasks import recorded, tasks
from tests.trace.programs import PROGRAMS

pytestmark = pytest.mark.slow

SOME = sorted(PROGRAMS)[::24]
"""Calls with branches, exceptions and repeated lines."""


def same_events(one, other):
    """Probabilities differ in their last bits."""
    for events in (one, other):
        for event in events:
            event["confidence"] = event["confidence"] and round(event["confidence"], 6)
            event["confidences"] = {name: round(value, 6) for name, value in event["confidences"].items()}
    return one == other


@pytest.mark.parametrize("name", SOME)
def test_predictions_are_those_of_the_model_at_hand(name, local, server):
    served, budget = ServedEngine(server.url), Budget(tokens=120)
    served.draft_tokens = local.draft_tokens = 16
    before = served.requests
    task = tasks()[name]
    ours = Predictor.of(served).predict(task, assist="draft", budget=budget)
    theirs = Predictor.of(local).predict(task, assist="draft", budget=budget)
    assert same_events(ours.to_json()["events"], theirs.to_json()["events"])
    assert ours.outcome == theirs.outcome
    assert ours.stats.tokens == theirs.stats.tokens
    assert ours.stats.forward_passes == theirs.stats.forward_passes
    assert served.requests - before <= 1.2 * theirs.stats.forward_passes + 1


def test_a_server_that_tells_little_gives_the_same(local, server):
    """Only the likeliest token of each position, none of the prompt's: the others are asked for."""
    server.most_logprobs, server.prompt_logprobs = 1, False
    task = tasks()[SOME[0]]
    ours = Predictor.of(ServedEngine(server.url)).predict(task, assist="off", budget=Budget(tokens=80))
    theirs = Predictor.of(local).predict(task, assist="off", budget=Budget(tokens=80))
    assert same_events(ours.to_json()["events"], theirs.to_json()["events"])
    assert any("allowed_token_ids" in body for body in server.requests)
    assert not any("prompt_logprobs" in body for body in server.requests[3:])


def test_surprises_are_those_of_the_model_at_hand(local, server):
    trace = recorded(SOME[1])
    ours = Predictor.of(ServedEngine(server.url)).read(trace, expecting=20).surprises
    theirs = Predictor.of(local).read(trace, expecting=20).surprises
    for one, other in zip(ours, theirs, strict=True):
        assert one.bits == pytest.approx(other.bits)
        assert (one.expected, one.expected_kind, one.expected_line) == (
            other.expected, other.expected_kind, other.expected_line,
        )  # fmt: skip
    assert any("prompt_logprobs" in body for body in server.requests[1:])


def test_several_at_once_are_one_request(local, server):
    some = [tasks()[name] for name in SOME[:3]]
    served = ServedEngine(server.url)
    before = served.requests
    ours = Predictor.of(served).predict_all(some, assist="off", budget=Budget(tokens=80))
    theirs = Predictor.of(local).predict_all(some, assist="off", budget=Budget(tokens=80))
    for one, other in zip(ours, theirs, strict=True):
        assert same_events(one.to_json()["events"], other.to_json()["events"])
    assert served.requests - before < sum(trace.stats.forward_passes for trace in ours)


def test_what_the_server_knows_is_not_computed_again(server):
    """A draft after a long text goes as prompts with a common beginning, one after a short text as one prompt."""
    engine = ServedEngine(server.url)
    tokens = [random.Random(3).randrange(10, 300) for _ in range(200)]
    server.requests.clear()
    ((read, _),) = engine.forward([Pass(Prefix(), tokens, 5)])
    ((longer, distributions),) = engine.forward([Pass(read, [20, 21, 22], 3)])
    engine.remember(longer)
    assert [len(body["prompt"]) for body in server.requests] == [1, 3]
    assert len(distributions) == 3
    assert engine.cut(longer, 90).tokens == tuple(tokens[:90])
    assert len(engine.longest_prefix([*tokens, 20])) == 200


def test_connections_are_kept(server):
    engine = ServedEngine(server.url)
    for _ in range(5):
        engine.forward([Pass(Prefix(), [11, 12, 13], 1)])
    assert len(server.connections) == 1


TROUBLE = {
    "hang": "did not answer within",
    "drip": "did not answer within",
    "401": "CWM_LSP_API_KEY",
    "429": "too much to do",
    "500": "failed .500.*as told.*log",
    "garbage": "something else than JSON",
    "wrong shape": "as vLLM does",
    "cut": "broke off",
}


@pytest.mark.parametrize("manner", TROUBLE)
def test_trouble_is_told_in_time_and_passes(manner, server):
    engine = ServedEngine(server.url, timeout=5)
    predictor, task = Predictor.of(engine), tasks()[SOME[0]]

    def predict():
        return predictor.predict(task, assist="off", budget=Budget(tokens=80))

    server.manner = manner
    seconds, error = timed(predict)
    assert isinstance(error, UnavailableError), error
    assert seconds < 5 + 2
    assert "\n" not in str(error)
    with pytest.raises(UnavailableError, match=TROUBLE[manner]):
        raise error
    server.manner = "well"
    assert predict().stats.tokens >= 10


@pytest.mark.parametrize("manner", ["429 once", "503 once", "reset once"])
def test_passing_trouble_is_not_noticed(manner, server):
    engine = ServedEngine(server.url)
    server.manner = manner
    assert engine.forward([Pass(Prefix(), [11, 12], 1)])
    assert server.manner == "well"


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_cancelling_closes_the_connection(manner, server):
    engine = ServedEngine(server.url, timeout=60)
    cancel = threading.Event()
    server.manner, asked = manner, len(server.requests)

    def cancel_once_asked():
        while len(server.requests) == asked:
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=cancel_once_asked, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        Predictor.of(engine).predict(tasks()[SOME[0]], assist="off", cancel=cancel)
    assert time.monotonic() - started < 30
    assert server.broken_off.wait(10)
    server.manner = "well"
    engine.cancel = None
    assert engine.forward([Pass(Prefix(), [11, 12], 1)])


def asked(predictor):
    """Tokens of a prediction for which the model is asked."""
    return predictor.predict(tasks()[SOME[0]], assist="off", budget=Budget(tokens=80)).stats.tokens


def test_a_server_that_goes_and_comes_back(loaded, checkpoint):
    with serving(loaded, checkpoint) as server:
        predictor = Predictor.load(server.url)
        assert asked(predictor)
        port = int(server.url.rpartition(":")[2])
    with pytest.raises(UnavailableError, match="no server answers"):
        asked(predictor)
    with serving(loaded, checkpoint, port):
        assert asked(predictor)


def test_a_server_that_is_not_there_yet(loaded, checkpoint):
    with serving(loaded, checkpoint) as server:
        port, url = int(server.url.rpartition(":")[2]), server.url
    predictor = Predictor.load(url)
    with pytest.raises(UnavailableError, match="start it"):
        asked(predictor)
    with serving(loaded, checkpoint, port):
        assert asked(predictor)


def test_keys_come_from_the_environment_alone(server, monkeypatch):
    server.key = "secret"
    with pytest.raises(UnavailableError, match="CWM_LSP_API_KEY") as told:
        ServedEngine(server.url)
    monkeypatch.setenv("CWM_LSP_API_KEY", "secret")
    assert ServedEngine(server.url).forward([Pass(Prefix(), [11], 1)])
    assert "secret" not in str(told.value)
    with pytest.raises(UnavailableError, match="CWM_LSP_API_KEY") as told:
        check(Options(server.url.replace("http://", "http://user:secret@")))
    assert "secret" not in str(told.value)


def test_models_are_chosen_by_name(server):
    assert ServedEngine(f"{server.url}/v1#tiny").forward([Pass(Prefix(), [11], 1)])
    with pytest.raises(UnavailableError, match="does not serve 'other' but tiny"):
        ServedEngine(f"{server.url}#other")
    engine = ServedEngine(server.url)
    server.name = "another"
    with pytest.raises(UnavailableError, match="does not exist"):
        engine.forward([Pass(Prefix(), [11], 1)])


def test_the_tokenizer_must_be_the_model_s(server, tmp_path_factory):
    from tests.predict.checkpoints import make_checkpoint

    other = make_checkpoint(tmp_path_factory.mktemp("other"), merges=False)
    with pytest.raises(UnavailableError, match="not that of"):
        ServedEngine(server.url, tokenizer=str(other))
    server.folder = "/nowhere/to be found"
    with pytest.raises(UnavailableError, match=r"model\.tokenizer"):
        ServedEngine(server.url)
    server.tokenize = False
    assert ServedEngine(server.url, tokenizer=str(other)).tokenizer.vocabulary_size < 300


def test_untrusted_certificates_are_refused(tmp_path):
    """TLS is verified: a server with a certificate of its own making is not spoken to."""
    import ssl
    import subprocess
    from http.server import BaseHTTPRequestHandler, HTTPServer

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
        "-keyout",
    ]
    made = subprocess.run([*command, key, "-out", certificate], capture_output=True)
    if made.returncode:
        pytest.skip("openssl cannot make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        with pytest.raises(UnavailableError, match=r"certificate .* is not trusted"):
            ServedEngine(f"https://localhost:{server.server_port}", timeout=5)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("url", ["http://", "ftp://localhost", "http://host:port", "http://[bad"])
def test_addresses_that_are_none_are_told(url):
    with pytest.raises(UnavailableError, match="not the address"):
        load(Options(url))


def test_public_addresses_are_warned_of_if_wished(server, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(UnavailableError):
        ServedEngine("http://model.invalid", timeout=0.5)
    assert "no private address" not in caplog.text
    with caplog.at_level(logging.WARNING), pytest.raises(UnavailableError):
        ServedEngine("http://model.invalid", timeout=0.5, warn=True)
    ServedEngine(server.url, warn=True)
    assert caplog.text.count("no private address") == 1
