"""What answers to the editor are made from."""

from __future__ import annotations

from typing import Protocol

from cwm_lsp.lsp.client import Client
from cwm_lsp.lsp.configuration import Configuration
from cwm_lsp.lsp.debugging import Debugging
from cwm_lsp.lsp.documents import Document


class State(Protocol):
    """What is known of the open documents, and of the editor."""

    client: Client
    configuration: Configuration
    debugging: Debugging
    documents: dict[str, Document]
    """By URI."""
