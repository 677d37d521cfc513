"""Keys and values that stay where they were written: against transformers' own attention over the whole text."""

import random
from weakref import ref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from cwm_lsp.predict.engines import Pass, Prefix, plan
from cwm_lsp.predict.engines.blocks import NoSpace, Pool, Store
from cwm_lsp.predict.engines.local import LocalEngine
from tests.predict.checkpoints import make_checkpoint

WINDOW = 24
NEAR = 1e-9


def held(context, room):
    return plan.Plan("none", 0, context, room, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A tiny CWM with a sliding window and a tiny Llama, both in 64 bits, each twice: as the engine runs it, and as
    transformers does, by masks and a full pass."""
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    folder = make_checkpoint(tmp_path_factory.mktemp("cwm"), layers=3, window=WINDOW, context=512)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=300, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.5,
    )  # fmt: skip
    llama = LlamaForCausalLM(config).double().eval()
    tokenizer = LocalEngine.load(folder, dtype="float64").tokenizer
    made = {}
    for name, model in (("cwm", None), ("llama", llama)):
        if model is None:
            ours, theirs = (AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval() for _ in range(2))
        else:
            ours, theirs = model, LlamaForCausalLM(config).double().eval()
            theirs.load_state_dict(model.state_dict())
        theirs.set_attn_implementation("sdpa")
        made[name] = ours, theirs, tokenizer
    return made


def engine_of(models, name="cwm", *, context=512, full=70, sliding=40, block=8):
    """With blocks so small that texts have many, and so few that texts must make room for one another."""
    model, _, tokenizer = models[name]
    engine = LocalEngine(model, tokenizer, name, held(context, plan.Room(full, sliding, block)))
    engine.draft_tokens = 64
    return engine


def whole(models, name, tokens):
    """Log-probabilities [tokens, vocabulary] of a whole text."""
    with torch.inference_mode():
        return models[name][1](torch.tensor([tokens]), use_cache=False).logits[0].log_softmax(-1)


def difference(distributions, expected):
    """The largest one between what an engine says and log-probabilities [positions, vocabulary]."""
    told = torch.stack([one._logits - one._normaliser for one in distributions])
    assert [next(one.ranked())[0] for one in distributions] == expected.argmax(-1).tolist()
    return float((told - expected).abs().max())


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 9), st.integers(1, 40)),
        st.tuples(st.just("cut"), st.integers(0, 9), st.integers(0, 90)),
        st.tuples(st.just("forget"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("remember"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("batch"), st.integers(0, 9), st.integers(1, 12)),
    ),
    min_size=4,
    max_size=14,
)


@pytest.mark.parametrize("name", ["cwm", "llama"])
@settings(max_examples=15, deadline=None)
@given(operations=OPERATIONS, full=st.integers(42, 90), seed=st.integers(0, 1000))
def test_any_order_of_append_cut_fork_and_batch_gives_what_a_whole_pass_gives(models, name, operations, full, seed):
    engine = engine_of(models, name, context=320, full=full, sliding=full)
    chooser = random.Random(seed)
    texts = [Prefix()]

    def more(count):
        return [chooser.randrange(10, 300) for _ in range(count)]

    def check(step, answer):
        prefix, distributions = answer
        tokens = (*step.prefix.tokens, *step.tokens)
        assert prefix.tokens == tokens
        assert difference(distributions, whole(models, name, tokens)[len(tokens) - step.keep :]) < NEAR
        texts.append(prefix)  # and the one that it continues stays: the next to go on from it makes a fork

    for what, which, number in operations:
        prefix = texts[which % len(texts)]
        if what == "append":
            if len(prefix) + number <= engine.context_length:
                step = Pass(prefix, more(number), min(number, 1 + which))
                check(step, *engine.forward([step]))
        elif what == "cut":
            length = max(0, len(prefix) - number)
            cut = engine.cut(prefix, length)
            assert cut.tokens == prefix.tokens[: len(cut)]
            assert len(cut) <= length
            texts.append(cut)
        elif what == "forget":
            if len(texts) > 1:
                texts.remove(prefix)
        elif what == "remember":
            engine.remember(prefix)
            assert len(engine.longest_prefix((*prefix.tokens, 5))) == len(prefix)
        else:
            chosen = [texts[(which + n) % len(texts)] for n in range(3)]
            steps = [Pass(one, more(number + n), 1 + n) for n, one in enumerate(chosen) if len(one) + number + 2 <= 320]
            steps = [step for step in steps if step.keep <= len(step.tokens)]
            for step, answer in zip(steps, engine.forward(steps) if steps else [], strict=True):
                check(step, answer)


@pytest.mark.parametrize("length", [1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, 10 * WINDOW])
@pytest.mark.parametrize("drafted", [1, 2, 7, WINDOW, 40])
def test_around_at_and_far_beyond_the_window(models, length, drafted):
    """A draft after so many tokens; then one that goes on after its first half, and a single token."""
    engine = engine_of(models)
    tokens = [random.Random(length).randrange(10, 300) for _ in range(length + 2 * drafted + 1)]
    expected = whole(models, "cwm", tokens)
    prefix = Prefix()
    for at in range(0, length, 16):
        ((prefix, _),) = engine.forward([Pass(prefix, tokens[at : min(at + 16, length)], 0)])
    wrong = [*tokens[length : length + drafted // 2], *([3] * (drafted - drafted // 2))]
    ((drafted_prefix, _),) = engine.forward([Pass(prefix, wrong, drafted)])
    prefix = engine.cut(drafted_prefix, length + drafted // 2)
    del drafted_prefix
    assert len(prefix) == length + drafted // 2
    rest = tokens[len(prefix) : -1]
    ((prefix, given_here),) = engine.forward([Pass(prefix, rest, len(rest))])
    assert difference(given_here, expected[len(tokens) - 1 - len(rest) : -1]) < NEAR
    ((_, last),) = engine.forward([Pass(prefix, tokens[-1:], 1)])
    assert difference(last, expected[-1:]) < NEAR


class Copies(TorchDispatchMode):
    """Bytes that are written by what copies numbers, and what waits for the device, but for what `link` does."""

    COPYING = (
        "copy_",
        "clone",
        "cat",
        "index",
        "index_select",
        "index_put_",
        "_to_copy",
        "repeat",
        "contiguous",
        "stack",
    )
    WAITING = ("_local_scalar_dense", "nonzero", "item", "is_nonzero")

    def __init__(self):
        super().__init__()
        self.bytes = self.waits = self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        self.waits += name in self.WAITING
        if isinstance(made, torch.Tensor):
            if name in self.COPYING:
                self.bytes += made.nbytes
            if not function.is_view and name not in ("copy_",):
                self.largest = max(self.largest, made.nbytes)
        return made


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_pass_copies_no_more_after_a_long_past_than_after_a_short_one(models, count):
    """Nor does it make anything of the size of the past."""
    engine = engine_of(models, "llama", full=80, sliding=80)
    copied, largest = [], []
    for past in (40, 400):
        ((prefix, _),) = engine.forward([Pass(Prefix(), [5 + n % 200 for n in range(past)], 0)])
        with Copies() as copies:
            engine.forward([Pass(prefix, [7] * count, count)])
        copied.append(copies.bytes)
        largest.append(copies.largest)
        del prefix
    assert copied[0] == copied[1]
    assert largest[1] < 2 * max(400 * 2 * 4 * 8, largest[0])


def test_a_pass_goes_to_the_device_once_and_comes_back_once(models):
    engine = engine_of(models)
    ((prefix, _),) = engine.forward([Pass(Prefix(), [5] * 30, 0)])
    assert (engine.link.sent, engine.link.fetched) == (1, 0)  # nothing was asked for
    for batch in ([Pass(prefix, [7] * 9, 9)], [Pass(prefix, [7] * 4, 3), Pass(prefix, [8] * 5, 1)]):
        before = engine.link.sent, engine.link.fetched
        with Copies() as copies:
            answers = engine.forward(batch)
            for (_, distributions), step in zip(answers, batch, strict=True):
                for one, following in zip(distributions, step.tokens[len(step.tokens) - step.keep + 1 :], strict=False):
                    next(one.ranked())
                    one.logprob(following)
        assert (engine.link.sent, engine.link.fetched) == (before[0] + 1, before[1] + 1)
        assert copies.waits == 0


def test_sliding_layers_keep_their_window_and_what_a_cut_back_may_need(models):
    engine = engine_of(models, sliding=40)
    full, sliding = engine._store.pools
    prefix = Prefix()
    for _ in range(12):
        ((prefix, _),) = engine.forward([Pass(prefix, [9] * 30, 1)])
        assert (
            sliding.blocks - sliding.free <= -(-(WINDOW + 64 + 30 + 2 * 8) // 8) + 12
        )  # and the beginning, kept aside
    assert full.blocks - full.free == 45
    assert len(engine.cut(prefix, len(prefix) - 64)) == len(prefix) - 64
    assert len(engine.cut(prefix, len(prefix) - 120)) < len(prefix) - 120  # to what was kept of the beginning
    assert len(engine.cut(prefix, 60)) == 60


def test_what_had_to_make_room_is_read_again(models):
    engine = engine_of(models, full=44, sliding=44)
    first = second = Prefix()
    one = [random.Random(1).randrange(10, 300) for _ in range(210)]
    ((first, _),) = engine.forward([Pass(Prefix(), one[:200], 0)])
    ((second, _),) = engine.forward([Pass(Prefix(), one[::-1][:200], 0)])
    assert first.state.extents is None
    ((_, given_here),) = engine.forward([Pass(first, one[200:], 10)])
    assert difference(given_here, whole(models, "cwm", one)[200:]) < NEAR
    assert second.state.extents is None


def test_a_text_longer_than_the_context_is_refused(models):
    engine = engine_of(models, context=64, full=10, sliding=10)
    with pytest.raises(ValueError, match="100 tokens for 64"):
        engine.forward([Pass(Prefix(), [5] * 100, 1)])


def test_keys_and_values_are_those_of_the_plan_to_the_byte(models):
    engine = engine_of(models)
    shape = plan.Shape(3, 0, 0, full=2 * 2 * 16, sliding=1 * 2 * 16, window=WINDOW, vocabulary=1, context=1)
    assert engine.key_value_bytes == plan.Room(70, 40, 8).bytes(shape, 8)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_slots_are_never_shared_by_different_tokens(data):
    """A pool against a list of texts: every text finds its own tokens where its extent says that they are."""
    window = data.draw(st.sampled_from([None, 6, 11]))
    pool = Pool(data.draw(st.integers(6, 14)), 4, window=window, slack=5)
    slots, texts, numbers = {}, [((), None)], iter(range(10**6))
    for _ in range(data.draw(st.integers(3, 25))):
        text, extent = texts[data.draw(st.integers(0, len(texts) - 1))]
        match data.draw(st.sampled_from(["extend", "extend", "cut", "forget"])):
            case "extend":
                more = data.draw(st.integers(1, 9))
                try:
                    longer = pool.extended(extent, more)
                except NoSpace:
                    continue
                new = tuple(next(numbers) for _ in range(more))
                for run in pool.runs(longer, len(text), len(text) + more):
                    for n in range(run.length):
                        slots[run.slot + n] = new[run.position - len(text) + n]
                texts.append(((*text, *new), longer))
                del longer
            case "cut" if extent is not None:
                end = data.draw(st.integers(0, len(text)))
                if pool.reaches(extent, end):
                    texts.append((text[:end], pool.cut(extent, end)))
            case "forget" if len(texts) > 1 and extent is not None:
                texts = [one for one in texts if one[1] is not extent]
        for there, its in texts:
            if its is None:
                continue
            assert its.end == len(there)
            assert its.start <= (0 if window is None else max(0, len(there) + 1 - window))
            runs = pool.runs(its, its.start, its.end)
            found = [slots[run.slot + n] for run in runs for n in range(run.length)]
            assert found == list(there[its.start :])
    del texts, its, text, extent  # all that holds an extent
    assert pool.free == pool.blocks


def test_the_text_used_longest_ago_makes_room():
    store = Store([Pool(4, 4)])
    first, second = store.extended(None, 8), store.extended(None, 4)
    store.touch(first)
    third = store.extended(None, 8)
    assert second.extents is None
    assert first.extents
    gone = ref(third)
    del third
    assert gone() is None
    with pytest.raises(NoSpace):
        store.extended(first, 12)
