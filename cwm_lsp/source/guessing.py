"""What a parameter may be, by its name and by what its function does with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import lru_cache

from .bind import dotted
from .functions import Function, by_qualname
from .names import bound_names
from .recovery import parse, parse_lines, split_lines
from .trees import walk

WORDS: dict[str, str] = {
    word: hint
    for hint, words in {
        "int": (
            "n m i j k num number count counter index idx pos position size length limit total width "
            "height depth age year month day hour minute second low lo high hi start begin end stop "
            "step left right top bottom amount quantity qty target times max maximum min minimum base "
            "exp exponent factor seed threshold capacity level offset rows cols columns row col port "
            "score digit int integer val value x y z a b p q w h id"
        ),
        "float": (
            "price rate ratio percent percentage tax discount radius weight temperature celsius "
            "fahrenheit alpha beta gamma eps epsilon tolerance tol probability prob speed distance "
            "balance cost float"
        ),
        "str": (
            "s st str string text txt name word line char ch c letter title label key prefix suffix sep "
            "separator delimiter delim pattern path filename file url msg message sentence paragraph "
            "phrase substr substring sub email token lang language code symbol description content body "
            "html password username user query character"
        ),
        "list[int]": (
            "items nums lst list arr array xs ys zs data seq sequence elements vals args stack queue "
            "heap series l iterable numbers"
        ),
        "list[list[int]]": "matrix grid board table matrices",
        "dict[str, int]": (
            "d dic dict dct mapping map config options settings params lookup record cache graph inventory"
        ),
        "set[int]": "visited seen set",
        "bool": "flag verbose reverse reversed strict enabled ascending descending inclusive",
        "Callable": "func fn f function callback predicate op",
    }.items()
    for word in words.split()
}
METHODS = {
    "list[int]": frozenset(dir(list)),
    "str": frozenset(dir(str)),
    "dict[str, int]": frozenset(dir(dict)),
    "set[int]": frozenset(dir(set)),
    "int": frozenset(dir(int)),
    "float": frozenset(dir(float)),
    "bytes": frozenset(dir(bytes)),
}
_SELF = re.compile(r"\bself\.(\w+)(?:\s*:[^=\n]+)?\s*=(?!=)")


@lru_cache(maxsize=4)
def members(source: str) -> dict[str, frozenset[str]]:
    """What objects of the classes at the top level of a file have, as far as the file tells."""
    lines = split_lines(source)
    methods: dict[str, set[str]] = {}
    for function in by_qualname(source).values():
        methods.setdefault(function.parent or "", set()).add(function.name)
    found: dict[str, frozenset[str]] = {}
    for fragment in parse(source).fragments:
        for node in fragment.body:
            if isinstance(node, ast.ClassDef):
                text = "\n".join(lines[node.lineno + fragment.offset - 1 : (node.end_lineno or 0) + fragment.offset])
                plain = (part for part in node.body if isinstance(part, ast.Assign | ast.AnnAssign))
                own = {*_SELF.findall(text), *methods.get(node.name, ()), *(bound_names(list(plain)) or ())}
                inherited = (found.get(dotted(base) or "", frozenset()) for base in node.bases)
                found[node.name] = frozenset(own).union(*inherited)
    return found


def named_type(name: str) -> str | None:
    """The type hint that a name suggests."""
    words = [word for word in re.split(r"[_\d]+", name.lower()) if word]
    if len(words) > 1 and words[0] in ("is", "has", "use", "should", "can", "allow"):
        return "bool"
    last = words[-1] if words else name
    if last not in WORDS and last.endswith("s") and (singular := WORDS.get(last.removesuffix("s"))):
        return f"list[{singular}]"
    return WORDS.get(last)


def uses(name: str, function: Function, source: str) -> tuple[frozenset[str], bool, bool]:
    """(methods called on a parameter, whether it is iterated or indexed, whether with string keys)."""
    lines = split_lines(source)
    first = lines[function.def_line - 1]
    own, _ = parse_lines(lines, function.def_line - 1, function.last_line, indented=first[:1].isspace())
    return own.once(("uses", name), lambda: _uses_in(own.body, name)) if own else (frozenset(), False, False)


def _uses_in(body: Sequence[ast.stmt], name: str) -> tuple[frozenset[str], bool, bool]:
    methods: set[str] = set()
    iterated = keys = False

    def is_it(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == name

    for node in (part for statement in body for part in walk(statement)):
        match node:
            case ast.Attribute(value=value, attr=attribute) if is_it(value):
                methods.add(attribute)
            case ast.For(iter=iterable) | ast.comprehension(iter=iterable) if is_it(iterable):
                iterated = True
            case ast.Call(func=ast.Name(id="len" | "sum" | "sorted" | "max" | "min" | "enumerate" | "reversed")):
                iterated = iterated or (len(node.args) == 1 and is_it(node.args[0]))
            case ast.Subscript(value=value, slice=index) if is_it(value):
                iterated = True
                keys = keys or (isinstance(index, ast.Constant) and isinstance(index.value, str))
    return frozenset(methods), iterated, keys
