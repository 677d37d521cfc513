"""The `match` statement, in the steps of CPython 3.11's instructions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_lsp.evaluate.blocks import Blocks
from cwm_lsp.evaluate.code import Do, Frame
from cwm_lsp.evaluate.layout.patterns import is_wildcard
from cwm_lsp.evaluate.values import Undetermined, Unknown, is_a

Bindings = dict[str, Any]
Test = Callable[[Frame, Any, Bindings], bool]

SEQUENCE, MAPPING, HEAP, MATCHES_ITSELF = 1 << 5, 1 << 6, 1 << 9, 1 << 22
"""Flags of types."""


class Patterns(Blocks):
    """Compiles `match` statements."""

    marks: bool

    def do_Match(self, node: ast.Match, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        subject_of = self.expr(node.subject)
        cases = [
            (
                self.case(case),
                self.condition(case.guard) if case.guard is not None else None,
                self.block(case.body, after),
            )
            for case in node.cases
        ]
        has_default = len(cases) > 1 and is_wildcard(node.cases[-1].pattern)
        last_look = len(cases) - has_default - 1

        def run(frame: Frame) -> Any:
            start(frame)
            subject = subject_of(frame)
            for position, (matches, guard, body) in enumerate(cases):
                matched = matches(frame, subject)
                if position == last_look:
                    subject = None  # nothing else looks at it, and it may end by that
                if matched and (guard is None or guard(frame)):
                    subject = None
                    return body(frame)
            return None

        return run

    def case(self, case: ast.match_case) -> Callable[[Frame, Any], bool]:
        """Whether the pattern of a case matches, binding what it captures."""
        start = self.begin(case)
        test = self.pattern(case.pattern)
        bind = self.within(case, "bind")
        stores = {name: self.store_name(name) for name in captures(case.pattern)}
        runtime = self.runtime

        def matches(frame: Frame, subject: Any) -> bool:
            start(frame)
            bindings: Bindings = {}
            try:
                matched = test(frame, subject, bindings)
            except Undetermined:
                matched = runtime.branch((None, None))
                if matched:
                    bindings = {name: bindings.get(name, Unknown(askable=True)) for name in stores}
            if not matched:
                return False
            for name, store in stores.items():
                bind(frame)
                store(frame, bindings[name])
            return True

        return matches

    def pattern(self, node: ast.pattern) -> Test:
        """Compile one pattern."""
        if isinstance(node, ast.MatchValue):
            return self.value_pattern(node)
        if isinstance(node, ast.MatchSingleton):
            constant, decide = node.value, self.known(node)

            def match_singleton(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                if type(subject) is Unknown:
                    raise Undetermined
                return decide(frame, subject is constant)

            return match_singleton
        if isinstance(node, ast.MatchAs):
            inner = self.pattern(node.pattern) if node.pattern is not None else None
            name = node.name

            def match_as(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                if inner is not None and not inner(frame, subject, bindings):
                    return False
                if name is not None:
                    bindings[name] = subject
                return True

            return match_as
        if isinstance(node, ast.MatchStar):
            rest = node.name

            def match_rest(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                if rest is not None:
                    bindings[rest] = subject
                return True

            return match_rest
        if isinstance(node, ast.MatchOr):
            tests = [self.pattern(item) for item in node.patterns]

            def match_or(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                return any(test(frame, subject, bindings) for test in tests)

            return match_or
        if isinstance(node, ast.MatchSequence):
            return self.sequence_pattern(node)
        if isinstance(node, ast.MatchMapping):
            return self.mapping_pattern(node)
        assert isinstance(node, ast.MatchClass)
        return self.class_pattern(node)

    def known(self, node: ast.AST, part: str = "test") -> Callable[[Frame, bool], bool]:
        """A branch on what is known; gives the outcome."""
        return self.decide((None, None), node, part)

    def value_pattern(self, node: ast.MatchValue) -> Test:
        value_of = self.after(self.expr(node.value), node, "compare")
        equal, truth, decide = self.compare("Eq", node.value), self.operations.truth, self.known(node)

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            result = truth(equal(subject, value_of(frame)))
            if type(result) is Unknown:
                raise Undetermined
            return decide(frame, bool(result))

        return match

    def sequence_pattern(self, node: ast.MatchSequence) -> Test:
        patterns = node.patterns
        star = next((i for i, item in enumerate(patterns) if isinstance(item, ast.MatchStar)), None)
        begin, measure = self.within(node, "sequence"), self.within(node, "len")
        is_one, fits = self.known(node), self.known(node, "size")
        if all(is_wildcard(item) for item in patterns):
            elements: Test = lambda frame, subject, bindings: True  # noqa: E731
        elif star is not None and is_wildcard(patterns[star]):
            elements = self.picked(patterns, star)
        else:
            elements = self.unpacked(node, star)
        touchable, size = self.runtime.touchable, len(patterns)

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            if type(subject) is Unknown:
                raise Undetermined
            touchable((subject,))
            begin(frame)
            if not is_one(frame, bool(type(subject).__flags__ & SEQUENCE)):
                return False
            if star is None or size > 1:
                measure(frame)
                length = len(subject)
                if not fits(frame, length == size if star is None else length >= size - 1):
                    return False
            return elements(frame, subject, bindings)

        return match

    def picked(self, patterns: Sequence[ast.pattern], star: int) -> Test:
        """Elements of a sequence of which the rest does not matter: they are taken by their index."""
        parts = [
            (
                position,
                len(patterns) - position if position > star else 0,
                self.within(item, "len"),
                self.within(item, "item"),
                self.pattern(item),
            )
            for position, item in enumerate(patterns)
            if not is_wildcard(item)
        ]
        subscript = self.operations.subscript

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            for position, from_end, measure, pick, test in parts:
                if from_end:
                    measure(frame)
                    position = len(subject) - from_end
                pick(frame)
                if not test(frame, subscript(subject, position), bindings):
                    return False
            return True

        return match

    def unpacked(self, node: ast.MatchSequence, star: int | None) -> Test:
        """All elements of a sequence."""
        tests = [self.pattern(item) for item in node.patterns]
        mark, unpack = self.within(node, "unpack"), self.unpacker(len(tests), star)

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            mark(frame)
            return all(test(frame, item, bindings) for test, item in zip(tests, unpack(subject), strict=True))

        return match

    def mapping_pattern(self, node: ast.MatchMapping) -> Test:
        begin, measure, finding = (self.within(node, part) for part in ("mapping", "len", "keys"))
        is_one, fits, decide = self.known(node), self.known(node, "size"), self.known(node, "found")
        keys, tests = self.exprs(node.keys), [self.pattern(item) for item in node.patterns]
        rest, keep = node.rest, self.within(node, "rest")
        touchable, attempt = self.runtime.touchable, self.operations.attempt

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            if type(subject) is Unknown:
                raise Undetermined
            touchable((subject,))
            begin(frame)
            if not is_one(frame, bool(type(subject).__flags__ & MAPPING)):
                return False
            found: dict[Any, Any] = {}
            if keys:
                measure(frame)
                if not fits(frame, len(subject) >= len(keys)):
                    return False
            if keys or rest is not None:
                wanted = [key_of(frame) for key_of in keys]
                finding(frame)
                if not decide(frame, look_up(subject, wanted, found)):
                    return False
            if not all(test(frame, value, bindings) for test, value in zip(tests, found.values(), strict=True)):
                return False
            if rest is not None:
                keep(frame)
                remaining: dict[Any, Any] = {}
                attempt(remaining.update, (subject,), (remaining,))
                for key in found:
                    del remaining[key]
                bindings[rest] = remaining
            return True

        return match

    def class_pattern(self, node: ast.MatchClass) -> Test:
        kind_of = self.after(self.expr(node.cls), node, "class")
        decide = self.known(node)
        patterns = [*node.patterns, *node.kwd_patterns]
        tests = [self.pattern(item) for item in patterns]
        count, named = len(node.patterns), node.kwd_attrs
        get, runtime = self.interpreter.attributes.get, self.runtime

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            kind = kind_of(frame)
            if type(subject) is Unknown or type(kind) is Unknown:
                raise Undetermined
            if not is_a(kind, type):
                raise TypeError("called match pattern must be a type")
            runtime.touchable((subject,))
            values: list[Any] = []
            if not decide(frame, isinstance(subject, kind) and take(subject, kind, values)):
                return False
            return all(test(frame, value, bindings) for test, value in zip(tests, values, strict=True))

        def take(subject: Any, kind: Any, values: list[Any]) -> bool:
            """Collect the attributes that the pattern looks at; false if one is missing."""
            names = positional(kind, count) if count else ()
            if names is None:
                values.append(subject)
            seen: set[str] = set()
            for name in [*(names or ()), *named]:
                if type(name) is not str:
                    raise TypeError(f"__match_args__ elements must be strings (got {type_name(type(name))})")
                if name in seen:
                    raise TypeError(f"{type_name(kind)}() got multiple sub-patterns for attribute {name!r}")
                seen.add(name)
                try:
                    values.append(get(subject, name))
                except AttributeError:
                    return False
            return True

        return match


def look_up(subject: Any, keys: Sequence[Any], found: dict[Any, Any]) -> bool:
    """Collect the values of keys; false if one is missing."""
    missing = object()
    for key in keys:
        if key in found:
            raise ValueError(f"mapping pattern checks duplicate key ({key!r})")
        value = subject.get(key, missing)
        if value is missing:
            return False
        found[key] = value
    return True


def positional(kind: Any, count: int) -> Sequence[Any] | None:
    """What positional patterns of a class stand for, which should be names of attributes; None for the value itself."""
    try:
        names = kind.__match_args__
    except AttributeError:
        names = ()
        itself = bool(kind.__flags__ & MATCHES_ITSELF)
    else:
        itself = False
        if type(names) is not tuple:
            raise TypeError(f"{type_name(kind)}.__match_args__ must be a tuple (got {type_name(type(names))})")
    allowed = 1 if itself else len(names)
    if allowed < count:
        plural = "" if allowed == 1 else "s"
        raise TypeError(f"{type_name(kind)}() accepts {allowed} positional sub-pattern{plural} ({count} given)")
    if itself:
        return None
    return tuple(names[:count])


def type_name(kind: type) -> str:
    """A type's name in messages of C code."""
    plain = kind.__flags__ & HEAP or kind.__module__ == "builtins"
    return kind.__name__ if plain else f"{kind.__module__}.{kind.__name__}"


def captures(node: ast.pattern) -> list[str]:
    """The names that a pattern binds, in that order."""
    if isinstance(node, ast.MatchOr):
        return captures(node.patterns[0])
    names = [name for item in ast.iter_child_nodes(node) if isinstance(item, ast.pattern) for name in captures(item)]
    own = node.rest if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
    return [*names, own] if own is not None else names
