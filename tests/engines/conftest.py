import pytest

from cwm_lsp.predict.engines.local import LocalEngine
from tests.engines.serving import serving


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
