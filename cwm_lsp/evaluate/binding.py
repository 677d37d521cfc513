"""Arguments bound to parameters, with CPython's error messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwm_lsp.evaluate.values import Function


def bind(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call, in the order of the code's variables; raises TypeError as the call would."""
    code = function.code
    name = code.qualname
    positional = code.positional
    count = len(positional)
    bound: dict[str, Any] = dict(zip(positional, args, strict=False))
    extra = tuple(args[count:])
    spare: dict[str, Any] = {}
    misplaced = []
    by_keyword = positional[code.positional_only :]
    for key, value in kwargs.items():
        if key in by_keyword or key in code.keyword_only:
            if key in bound:
                raise TypeError(f"{name}() got multiple values for argument '{key}'")
            bound[key] = value
        elif code.keywords is not None:
            spare[key] = value
        elif key in positional:
            misplaced.append(key)
        else:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
    if misplaced:
        raise TypeError(
            f"{name}() got some positional-only arguments passed as keyword arguments: '{', '.join(misplaced)}'"
        )
    if extra and code.rest is None:
        raise TypeError(too_many(function, len(args), bound))
    first_default = count - len(function.defaults)
    missing = [parameter for parameter in positional[:first_default] if parameter not in bound]
    if missing:
        raise TypeError(absent(name, "positional", missing))
    for parameter, value in zip(positional[first_default:], function.defaults, strict=True):
        bound.setdefault(parameter, value)
    lacking = []
    for parameter in code.keyword_only:
        if parameter not in bound:
            if parameter in function.keyword_defaults:
                bound[parameter] = function.keyword_defaults[parameter]
            else:
                lacking.append(parameter)
    if lacking:
        raise TypeError(absent(name, "keyword-only", lacking))
    if code.rest is not None:
        bound[code.rest] = extra
    if code.keywords is not None:
        bound[code.keywords] = spare
    return bound


def absent(name: str, kind: str, missing: Sequence[str]) -> str:
    """The message for arguments that are not given."""
    names = [f"'{item}'" for item in missing]
    if len(names) == 1:
        listed = names[0]
    elif len(names) == 2:
        listed = " and ".join(names)
    else:
        listed = ", ".join(names[:-1]) + ", and " + names[-1]
    return f"{name}() missing {len(names)} required {kind} argument{'' if len(names) == 1 else 's'}: {listed}"


def too_many(function: Function, given: int, bound: Mapping[str, Any]) -> str:
    """The message for too many positional arguments."""
    code = function.code
    count, defaults = len(code.positional), len(function.defaults)
    takes = f"from {count - defaults} to {count}" if defaults else str(count)
    plural = count != 1 if not defaults else True
    by_keyword = sum(1 for parameter in code.keyword_only if parameter in bound)
    more = ""
    if by_keyword:
        more = (
            f" positional argument{'s' if given != 1 else ''} (and {by_keyword} keyword-only argument"
            f"{'s' if by_keyword != 1 else ''})"
        )
    was = "was" if given == 1 and not by_keyword else "were"
    return f"{code.qualname}() takes {takes} positional argument{'s' if plural else ''} but {given}{more} {was} given"
