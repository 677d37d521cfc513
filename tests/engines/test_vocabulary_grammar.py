"""The tests of the grammar, with CWM's own vocabulary."""

import pytest

from cwm_lsp.predict.engines import Options
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from tests.predict.test_grammar import (  # noqa: F401
    test_every_real_trace_is_legal,
    test_whatever_the_model_is_frames_are_well_formed,
)

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tokenizer(real):
    return Tokenizer.from_file(real / "tokenizer.json")


@pytest.fixture(scope="module")
def engine(real):
    return LocalEngine.load(Options(str(real), device="cpu"), dtype="float64")
