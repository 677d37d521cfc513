import pytest

from cwm_lsp.predict.engines.local import LocalEngine
from tests.engines.serving import serving
from tests.engines.vocabulary import make_real_checkpoint


@pytest.fixture
def local(loaded):
    """The random model with nothing remembered."""
    return LocalEngine(loaded.model, loaded.tokenizer, "tiny")


@pytest.fixture
def server(loaded, checkpoint, monkeypatch):
    """A server of that model."""
    monkeypatch.delenv("CWM_LSP_API_KEY", raising=False)
    with serving(LocalEngine(loaded.model, loaded.tokenizer, "tiny"), checkpoint) as served:
        yield served


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """The folder of a random model with CWM's own vocabulary."""
    return make_real_checkpoint(tmp_path_factory.mktemp("real"))
