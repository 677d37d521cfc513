"""`typing.get_type_hints`, without evaluating text in the host."""

from __future__ import annotations

import ast
import functools
import operator
import typing
from types import FunctionType, GenericAlias, NoneType, UnionType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.values import Undetermined, Unknown, is_a, names_of

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context
    from cwm_lsp.evaluate.home import Home


FORMS = frozenset({"_GenericAlias", "_UnionGenericAlias", "_CallableGenericAlias", "_AnnotatedAlias"})
"""Types of what `typing` makes of other forms, by their names."""


def of(
    interpreter: Context,
    obj: Any,
    globalns: dict[str, Any] | None = None,
    localns: dict[str, Any] | None = None,
    *,
    include_extras: bool = False,
) -> dict[str, Any]:
    """The annotations of a function or class of the file, with what their texts mean; `Undetermined` for others."""
    found: dict[str, Any] = {}
    if getattr(obj, "__no_type_check__", None):
        return found
    if globalns is not None and globalns is not interpreter.here.namespace:
        raise Undetermined
    if is_a(obj, type) and obj in interpreter.runtime.classes:
        for base in reversed(obj.__mro__):
            if base in interpreter.runtime.classes:
                home = next((body.code.home for body in map(body_of, names_of(base).values()) if body), None)
                local = {**names_of(base), **(localns or {})}
                annotations = names_of(base).get("__annotations__", {})
                interpreter.runtime.touchable((annotations,))
                found |= resolved(home or interpreter.here, annotations, local)
    elif type(obj) is FunctionType and (body := body_of(obj)) is not None:
        while hasattr(obj, "__wrapped__"):
            obj = obj.__wrapped__
        interpreter.runtime.touchable((getattr(obj, "__annotations__", {}),))
        found = resolved(body.code.home or interpreter, getattr(obj, "__annotations__", {}), localns or {})
    else:
        raise Undetermined
    carrier = FunctionType(of.__code__, {})
    carrier.__annotations__ = found
    return typing.get_type_hints(carrier, include_extras=include_extras)


def resolved(module: Home, annotations: dict[str, Any], local: dict[str, Any]) -> dict[str, Any]:
    """Annotations, each text replaced by what it means."""
    return {name: meaning(module, value, local) for name, value in annotations.items()}


def meaning(module: Home, value: Any, local: dict[str, Any]) -> Any:
    if type(value) is Unknown:
        raise Undetermined
    if type(value) is typing.ForwardRef and value.__forward_module__ in (None, module.module_name):
        value = value.__forward_arg__
    if not is_a(value, str):
        return rebuilt(module, value, local) if has_text(value) else value
    try:
        expression = ast.parse(value.lstrip(" \t"), "<string>", "eval").body
    except SyntaxError:
        if value.startswith("*"):
            raise Undetermined from None
        raise SyntaxError(f"Forward reference must be an expression -- got {value!r}") from None
    found = module.evaluate(expression, local)
    return meaning(module, found, local)


def rebuilt(module: Home, value: Any, local: dict[str, Any]) -> Any:
    """A form with texts inside, made anew of what they mean."""
    inside = tuple(meaning(module, item, local) for item in getattr(value, "__args__", ()))
    if type(value) is GenericAlias and not value.__unpacked__:
        origin: Any = value.__origin__
        return GenericAlias(origin, inside)
    if type(value) is UnionType:
        return functools.reduce(operator.or_, inside)
    if type(value).__name__ in FORMS:
        return value.copy_with(tuple(NoneType if item is None else item for item in inside))
    raise Undetermined


def has_text(value: Any) -> bool:
    """Whether a text is inside of an annotation: its parts would be evaluated."""
    if type(value) is typing.ForwardRef:
        return True
    if type(value).__module__ not in ("typing", "types") or typing.get_origin(value) is typing.Literal:
        return False
    inside = getattr(value, "__args__", ())
    texts = type(value) is GenericAlias
    return any(type(item) is Unknown or (texts and is_a(item, str)) or has_text(item) for item in inside)
