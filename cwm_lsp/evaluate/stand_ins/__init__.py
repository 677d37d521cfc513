"""Modules that are interpreted in place of the library's own, where those ask the system what does not matter here.

They are read as text, like any module that a program imports, and never imported by cwm-lsp itself. What they leave
out is not known.
"""
