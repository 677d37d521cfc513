"""What the rewritten assertions of a test file call: what they compare is noted where they do not hold."""

from __future__ import annotations

from typing import Any

noted: list[Any] = []
"""Of the latest assertion that did not hold: its line, the operation, the operands."""


def note(line: int, operation: str, left: Any, right: Any) -> None:
    noted[:] = [line, operation, left, right]


def equal(line: int, left: Any, right: Any) -> Any:
    result = left == right
    if not result:
        note(line, "==", left, right)
    return result


def compare(line: int, operation: str, left: Any, right: Any) -> Any:
    if operation == "!=":
        result = left != right
    elif operation == "<":
        result = left < right
    elif operation == "<=":
        result = left <= right
    elif operation == ">":
        result = left > right
    elif operation == ">=":
        result = left >= right
    elif operation == "in":
        result = left in right
    elif operation == "not in":
        result = left not in right
    elif operation == "is":
        result = left is right
    else:
        result = left is not right
    if not result:
        note(line, operation, left, right)
    return result


def true(line: int, value: Any) -> Any:
    if not value:
        note(line, "", value, None)
    return value
