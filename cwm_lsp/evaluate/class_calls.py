"""Calls that make classes, and instances of the program's."""

from __future__ import annotations

import enum
from abc import ABCMeta
from types import (
    FunctionType,
)
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.adoption import ADOPTION, adopting, allowed
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.native import Native
from cwm_lsp.evaluate.telling import reaches
from cwm_lsp.evaluate.values import (
    is_a,
    names_of,
)

if TYPE_CHECKING:
    pass


class ClassCalls(Native):
    """Carries out calls of classes."""

    def new(self, owner: type, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`object.__new__(cls)` and its like."""
        if not args or not is_a(args[0], type) or args[0] not in self.runtime.classes:
            return self.foreign(args, kwargs)
        if issubclass(args[0], type):
            return self.new_class(owner.__new__, args, kwargs)
        if self.runtime.finalizing and hasattr(args[0], "__del__"):
            self.runtime.mortal = True
        self.check_size(args[0], args[1:])
        return self.native(owner.__new__, args, kwargs)

    def new_class(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`type.__new__(metaclass, name, bases, namespace)`, or that of another metaclass."""
        if len(args) == 4 and is_a(args[2], tuple) and is_a(args[3], dict):
            if not all(allowed(self.interpreter, base) for base in args[2]):
                return self.foreign(args, kwargs)
            args = [*args[:3], self.adopting(function, args[3])]
        return self.native(function, args, kwargs)

    def make_class(self, metaclass: Any, args: list[Any], kwargs: dict[str, Any], module: str | None = None) -> Any:
        """Call a metaclass, in the library module of that name."""
        if not is_a(metaclass, type) or not issubclass(metaclass, type):
            return self.call(metaclass, args, kwargs)
        if metaclass is library.NAMED_TUPLES:
            made = self.native(metaclass, args, kwargs)
            self.adopt(made)
            return made
        if len(args) == 3 and is_a(args[1], tuple) and is_a(args[2], dict):
            if not all(allowed(self.interpreter, base) for base in args[1]) or id(args[2]) in self.runtime.poisoned:
                return self.foreign(args, kwargs)
            if body_of(metaclass.__new__) is None:
                entries = self.adopting(metaclass.__new__, args[2], module)
                if body_of(metaclass.__init__) is None or type(metaclass).__call__ is not type.__call__:
                    keeps = metaclass is type or metaclass is ABCMeta  # what is in the namespace, and does no more
                    return (self.raw if keeps else self.native)(metaclass, [*args[:2], entries], kwargs)
                made = self.native(metaclass.__new__, [metaclass, *args[:2], entries], kwargs)
                dict.pop(args[2], ADOPTION, None)
                if is_a(made, metaclass):
                    self.call(type(made).__init__, [made, *args], kwargs)  # which gets what it was called with
                return made
        return self.native(metaclass, args, kwargs)

    def adopting(self, maker: Any, namespace: dict[str, Any], module: str | None = None) -> dict[str, Any]:
        if type(maker) is FunctionType:
            module = maker.__module__
        elif module is None:
            module = self.interpreter.here.module_name
        return adopting(self.interpreter, module, namespace)

    def named_here(self, made: Any) -> Any:
        """What takes the name of the module that it is made in from the frame that makes it: that is ours."""
        if str(getattr(made, "__module__", "")).startswith(__package__):
            made.__module__ = self.interpreter.here.module_name
        return made

    def adopt(self, made: type) -> None:
        """A class that library code has made of the file's own data, and its methods, may be used as the file's own."""
        self.runtime.classes.add(made)
        self.runtime.reaching = self.runtime.reaching or reaches(made, self.runtime.classes)
        for value in names_of(made).values():
            function = value.__func__ if is_a(value, classmethod | staticmethod) else value
            if type(function) is FunctionType:
                self.made[id(function)] = function

    def construct(self, kind: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make an instance of a class of the file."""
        if self.runtime.finalizing and hasattr(kind, "__del__"):
            self.runtime.mortal = True
        if issubclass(kind, type):
            return self.make_class(kind, args, kwargs)
        if is_a(kind, enum.EnumMeta) or kind.__new__ is not object.__new__:
            self.check_size(kind, args)
            makers = (kind.__new__, kind.__init__, type(kind).__call__)
            made = (self.native if all(body_of(maker) is None for maker in makers) else self.raw)(kind, args, kwargs)
            if is_a(made, enum.EnumMeta):
                self.adopt(self.named_here(made))
            return made
        self.runtime.tick()
        return kind(*args, **kwargs)
