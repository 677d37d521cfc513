"""Modules that are interpreted in place of those that tests import: `pytest`, `unittest`, and what runs the tests.

They are read as text, like any module that a program imports, and never imported by cwm-lsp itself. They speak of their
names as tests do, follow the documented behaviour, and ask for `_not_known()` where that is not known.
"""
