"""A neural debugger for Python that lives in the editor."""

from importlib.metadata import version

__version__ = version("cwm-lsp")
