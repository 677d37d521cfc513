"""CWM's own vocabulary, on a small checkpoint of random weights."""

import ast
import inspect

import pytest

from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.trace import wire
from tests.engines.vocabulary import IDS
from tests.predict.tasks import tasks
from tests.trace.programs import PROGRAMS

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


@pytest.fixture(scope="module")
def tokenizer(real):
    return Tokenizer.from_file(real / "tokenizer.json")


@pytest.fixture(scope="module")
def engine(real):
    return LocalEngine.load(Options(str(real), device="cpu"), dtype="float64")


def test_the_trace_tokens_have_their_ids(tokenizer):
    assert tokenizer.special == IDS
    assert tokenizer.vocabulary_size == 128_256


def test_text_is_tokenised_as_tiktoken_does(tokenizer):
    """Sources of the standard library, in the pieces that the format cuts them into: lines."""
    from llama_models.llama3.tokenizer import Tokenizer as Reference

    reference = Reference.get_instance().model
    for line in [*inspect.getsource(ast).splitlines(keepends=True), "é = '日本' # \U0001f600\n", "\t \t x\r\n"]:
        ids = tokenizer.encode(line)
        assert list(ids) == reference.encode_ordinary(line)
        assert b"".join(map(tokenizer.token_bytes, ids)) == line.encode()
    text = f"print('{wire.FRAME_SEP}')"
    assert not set(tokenizer.encode(text)) & set(IDS.values())


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if n else ()) for n, name in enumerate(sorted(PROGRAMS)[::12])],
)
def test_drafts_change_nothing(name, engine):
    fresh = LocalEngine(engine.model, engine.tokenizer, "real")
    budget = Budget(tokens=50, seconds=600)
    plain = Predictor.of(fresh).predict(tasks()[name], assist="off", budget=budget, drafts=False)
    drafted = Predictor.of(engine).predict(tasks()[name], assist="off", budget=budget)
    assert [(event.kind, event.line, event.locals, event.value) for event in plain.events] == [
        (event.kind, event.line, event.locals, event.value) for event in drafted.events
    ]
    assert plain.stats.tokens == drafted.stats.tokens


@pytest.mark.parametrize("method", ["int8", "nf4"])
def test_quantised_weights_say_about_the_same(method, real, engine):
    import torch

    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    quantised = LocalEngine.load(Options(str(real), quantization=method, device="cpu"))
    ids = engine.tokenizer.encode(PROGRAMS[sorted(PROGRAMS)[0]][0])[:40]
    rows = []
    for one in (engine, quantised):
        [(_, [distribution])] = one.forward([Pass(Prefix(), ids, 1)])
        few = range(0, 128_256, 501)
        rows.append(torch.tensor([distribution.logprob(token) for token in few]))
    apart = float((rows[0] - rows[1]).abs().mean())
    spread = float(rows[0].std())
    assert apart < {"int8": 0.1, "nf4": 0.5}[method] * spread
    trace = Predictor.of(quantised).predict(tasks()[sorted(PROGRAMS)[0]], assist="off", budget=Budget(tokens=25))
    assert trace.stats.tokens >= 25
