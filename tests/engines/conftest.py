import pytest

from cwm_lsp.predict.engines.local import LocalEngine
from tests.engines.serving import serving
from tests.predict.checkpoints import make_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def loaded(checkpoint):
    """A random model in 64 bits, whose results do not depend on how many tokens a pass has."""
    return LocalEngine.load(checkpoint, dtype="float64")


@pytest.fixture
def local(loaded):
    """The same with nothing remembered."""
    return LocalEngine(loaded.model, loaded.tokenizer, "tiny")


@pytest.fixture
def server(loaded, checkpoint, monkeypatch):
    """A server of that model."""
    monkeypatch.delenv("CWM_LSP_API_KEY", raising=False)
    with serving(LocalEngine(loaded.model, loaded.tokenizer, "tiny"), checkpoint) as served:
        yield served
