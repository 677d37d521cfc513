"""Which line every step is on: what CPython 3.11's compiler would make of a syntax tree, on any Python.

`folding` is its optimizer of syntax trees, `expressions`, `patterns`, `statements` and `code` its code generator,
`blocks` its passes over basic blocks. What is kept of the instructions is what decides on lines: operation, line,
jumps, handlers, and which node each one is of. `positions` follows an evaluation through them.
"""
