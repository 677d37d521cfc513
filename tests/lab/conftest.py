"""A small tokenizer, made once."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from cwm_lsp.lab import tokenizer
from cwm_lsp.lab.corpus import values


@pytest.fixture(scope="session")
def words() -> Tokenizer:
    return tokenizer.train([" ".join(values.NAMES["int"] + values.FUNCTIONS)], 700)
