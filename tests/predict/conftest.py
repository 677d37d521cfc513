import pytest

from cwm_lsp.predict.engines.local import LocalEngine
from tests.predict.checkpoints import make_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def loaded(checkpoint):
    """A random model in 64 bits, whose results do not depend on how many tokens a pass has."""
    return LocalEngine.load(checkpoint, dtype="float64")


@pytest.fixture
def engine(loaded):
    """The same with nothing remembered."""
    return LocalEngine(loaded.model, loaded.tokenizer, "tiny")
