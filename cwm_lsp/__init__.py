"""A neural debugger for Python that lives in the editor."""

__version__ = "0.1.0"
