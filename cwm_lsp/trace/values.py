"""Equality of values that are known by their reprs only."""

from __future__ import annotations

import re
from functools import lru_cache

# What differs between machines, runs and versions of Python, not between values.
_ADDRESS = re.compile(r" (?:at|@) 0x[0-9a-fA-F]+\b")
_MODULE = re.compile(r"(<module '[\w.]+') (?:from '[^']*'|\((?:built-in|frozen)\))>")
_QUALIFIER = re.compile(r"(?<=<)[\w.]+\.(?=\w+ object\b)|(?<=<class ')[\w.]+\.(?=\w+'>)")
_LEXEME = re.compile(
    r"[A-Za-z]?'(?:[^'\\]|\\.)*'|[A-Za-z]?\"(?:[^\"\\]|\\.)*\"|[\[({]|[\])}]|,|:|[^\[({\])},:'\"]+|.", re.DOTALL
)
_SIZE = re.compile(r"<\w+ of \d+ (?:bits|items)>$")
_OBJECT = re.compile(r"<[\w.<>]+ object>")
_PLAIN = re.compile(r"[-\d'\"]")
_DEEPEST = 200


def same_value(predicted: str, actual: str) -> bool:
    """Whether two reprs are of equal values: addresses are wildcards, sets have no order, all else counts.

    A model has learnt that the traced file is `__main__`, whatever a run imports it as.
    """
    if predicted == actual:
        return True
    if "__main__." in predicted or "__main__." in actual:
        predicted, actual = _QUALIFIER.sub("", predicted), _QUALIFIER.sub("", actual)
    return _canonical(predicted) == _canonical(actual)


def same_but_cut(predicted: str, cut: str) -> bool:
    """The same for an actual repr that was cut where it has `...`, as far as it goes: a text that was cut is closed
    before the dots, of other values only the size is told."""
    head, dots, _ = cut.partition("...")
    head = _SIZE.sub("", head).removesuffix("'").removesuffix('"')
    return same_value(predicted, cut) or (bool(dots) and predicted.startswith(head))


def same_but_hidden(predicted: str, actual: str) -> bool:
    """The same for an actual repr that shows objects as their types, whose own `__repr__` was not called or failed: any
    text may be theirs, but for that of a number or a text."""
    if same_value(predicted, actual):
        return True
    first, *others = _OBJECT.split(actual)
    if not others or not predicted.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        after = -1 if _PLAIN.match(predicted, at) else predicted.find(part, at + 1)
        if after < 0:
            return False
        at = after + len(part)
    return not _PLAIN.match(predicted, at) and len(predicted) > at + len(others[-1]) and predicted.endswith(others[-1])


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    if "<" in text:  # what differs between machines, runs and versions of Python
        text = _ADDRESS.sub("", text).replace("<str_ascii_iterator ", "<str_iterator ")
        text = _MODULE.sub(r"\1>", text)
    return _with_sorted_sets(text) if "{" in text else text


def _with_sorted_sets(text: str) -> str:
    # Each open bracket: what it is, the elements before the current one, the current one, whether there was a colon.
    stack: list[tuple[str, list[str], list[str], list[bool]]] = [("", [], [], [False])]
    for match in _LEXEME.finditer(text):
        lexeme = match[0]
        bracket, elements, current, colon = stack[-1]
        if lexeme in ("[", "(", "{"):
            if len(stack) > _DEEPEST:
                return text
            stack.append((lexeme, [], [], [False]))
        elif lexeme in ("]", ")", "}") and len(stack) > 1:
            stack.pop()
            elements.append("".join(current).strip())
            if bracket == "{" and not colon[0]:
                elements.sort()
            stack[-1][2].append(bracket + ", ".join(elements) + lexeme)
        elif lexeme == "," and bracket:
            elements.append("".join(current).strip())
            current.clear()
        else:
            colon[0] = colon[0] or lexeme == ":"
            current.append(lexeme)
    return "".join("".join((*elements, *current)) for _, elements, current, _ in stack) if len(stack) == 1 else text
