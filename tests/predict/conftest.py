import pytest

from cwm_lsp.predict.engines.local import LocalEngine


@pytest.fixture
def engine(loaded):
    """The random model with nothing remembered."""
    return LocalEngine(loaded.model, loaded.tokenizer, "tiny")
