"""Functions as arguments."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cwm_lsp.search.shapes import Fixed, Guess, Shape
from cwm_lsp.search.values import Text

_BODIES = ("a[0] if a else None", "True", "None", "False", "0", "'a'", "len(a)")
CALLED: Shape = Guess(Fixed(tuple(Text(f"lambda *a: {body}") for body in _BODIES)))
"""Functions of which nobody has said what they take."""


def callable_shape(parts: Sequence[ast.expr]) -> Shape:
    """Functions that take and give what a hint says: `Callable[parts]`."""
    if len(parts) != 2 or not isinstance(parts[0], ast.List):
        return CALLED
    names = [f"a{index}" if index else "a" for index in range(len(parts[0].elts))]
    head = f"lambda {', '.join(names)}: " if names else "lambda: "
    result = ast.unparse(parts[1])
    same = [name for name, kind in zip(names, parts[0].elts, strict=True) if ast.unparse(kind) == result]
    bodies = [*same]
    match result:
        case "bool":
            bodies += ["True", "False", *(f"bool({name})" for name in names)]
        case "int" | "float":
            bodies += ["0", "1", "-1", "100"]
        case "str":
            bodies += ["''", "'a'", *(f"str({name})" for name in names)]
        case "None":
            bodies += ["None"]
        case _:
            bodies += names or ["None"]
    return Fixed(tuple(Text(head + body) for body in dict.fromkeys(bodies)))
