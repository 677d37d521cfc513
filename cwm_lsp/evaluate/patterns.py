"""The `match` statement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Do, Frame
from cwm_lsp.evaluate.values import Undetermined, Unknown, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.statements import Statements

Bindings = dict[str, Any]
Test = Callable[[Frame, Any, Bindings], bool]
SELF_MATCHING = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
NOT_SEQUENCES = (str, bytes, bytearray)


class Patterns:
    """Compiles `match` statements."""

    marks: bool

    def do_Match(self: Statements, node: ast.Match, after: int | None) -> Do:  # type: ignore[misc]  # noqa: N802
        line, mark = self.begin(node, node.subject), self.runtime.line
        subject_of = self.expr(node.subject)
        cases = []
        for case in node.cases:
            bound = _captures(case.pattern)
            self.marks = False
            test = self.pattern(case.pattern)
            stores = {name: self.store_name(name) for name in bound}
            guard = self.condition(case.guard, case.pattern.lineno) if case.guard is not None else None
            cases.append((case.pattern.lineno, test, stores, guard, self.block(case.body, after)))
        runtime = self.runtime

        def run(frame: Frame) -> Any:
            if line and frame.line != line:
                mark(frame, line)
            subject = subject_of(frame)
            for own, test, stores, guard, body in cases:
                if frame.line != own:
                    mark(frame, own)
                bindings: Bindings = {}
                try:
                    matched = test(frame, subject, bindings)
                except Undetermined:
                    matched = runtime.branch((None, None))
                    if matched:
                        bindings = {name: bindings.get(name, Unknown(askable=True)) for name in stores}
                if not matched:
                    continue
                for name, store in stores.items():
                    store(frame, bindings[name])
                if guard is not None and not guard(frame):
                    continue
                return body(frame)
            return None

        return run

    def pattern(self: Statements, node: ast.pattern) -> Test:  # type: ignore[misc]
        """Compile one pattern."""
        if isinstance(node, ast.MatchValue):
            value_of, equal = self.expr(node.value), self.operations.compare("Eq")
            truth = self.operations.truth

            def match_value(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                result = truth(equal(subject, value_of(frame)))
                if type(result) is Unknown:
                    raise Undetermined
                return bool(result)

            return match_value
        if isinstance(node, ast.MatchSingleton):
            constant = node.value

            def match_singleton(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                if type(subject) is Unknown:
                    raise Undetermined
                return subject is constant

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
        if isinstance(node, ast.MatchOr):
            tests = [self.pattern(item) for item in node.patterns]

            def match_or(frame: Frame, subject: Any, bindings: Bindings) -> bool:
                return any(test(frame, subject, bindings) for test in tests)

            return match_or
        if isinstance(node, ast.MatchSequence):
            return self.sequence_pattern(node)
        if isinstance(node, ast.MatchMapping):
            return self.mapping_pattern(node)
        if isinstance(node, ast.MatchClass):
            return self.class_pattern(node)
        unsupported = self.unsupported(node)
        return lambda frame, subject, bindings: bool(unsupported(frame))

    def sequence_pattern(self: Statements, node: ast.MatchSequence) -> Test:  # type: ignore[misc]
        star = next((i for i, item in enumerate(node.patterns) if isinstance(item, ast.MatchStar)), None)
        rest_name = node.patterns[star].name if star is not None else None  # type: ignore[attr-defined]
        tests = [self.pattern(item) for item in node.patterns if not isinstance(item, ast.MatchStar)]
        touchable = self.runtime.touchable

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            if type(subject) is Unknown:
                raise Undetermined
            touchable((subject,))
            if not is_a(subject, Sequence) or is_a(subject, NOT_SEQUENCES):
                return False
            size = len(subject)
            if size < len(tests) if star is not None else size != len(tests):
                return False
            items = list(subject)
            if star is None:
                chosen = items
            else:
                behind = len(tests) - star
                chosen = items[:star] + items[size - behind :] if behind else items[:star]
                if rest_name is not None:
                    bindings[rest_name] = items[star : size - behind]
            return all(test(frame, item, bindings) for test, item in zip(tests, chosen, strict=True))

        return match

    def mapping_pattern(self: Statements, node: ast.MatchMapping) -> Test:  # type: ignore[misc]
        keys = [self.expr(key) for key in node.keys]
        tests = [self.pattern(item) for item in node.patterns]
        rest, touchable = node.rest, self.runtime.touchable

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            if type(subject) is Unknown:
                raise Undetermined
            touchable((subject,))
            if not is_a(subject, Mapping) or len(subject) < len(keys):
                return False
            found = []
            for key_of in keys:
                key = key_of(frame)
                value = subject.get(key, match)
                if value is match:
                    return False
                found.append((key, value))
            if not all(test(frame, value, bindings) for test, (_, value) in zip(tests, found, strict=True)):
                return False
            if rest is not None:
                taken = [key for key, _ in found]
                bindings[rest] = {key: value for key, value in subject.items() if key not in taken}
            return True

        return match

    def class_pattern(self: Statements, node: ast.MatchClass) -> Test:  # type: ignore[misc]
        kind_of = self.expr(node.cls)
        positional = [self.pattern(item) for item in node.patterns]
        named = [(name, self.pattern(item)) for name, item in zip(node.kwd_attrs, node.kwd_patterns, strict=True)]
        attributes, runtime = self.interpreter.attributes, self.runtime

        def match(frame: Frame, subject: Any, bindings: Bindings) -> bool:
            kind = kind_of(frame)
            if type(subject) is Unknown or type(kind) is Unknown:
                raise Undetermined
            if not isinstance(kind, type):
                raise TypeError("called match pattern must be a class")
            runtime.touchable((subject,))
            if not isinstance(subject, kind):
                return False
            if positional and kind in SELF_MATCHING:
                if len(positional) > 1:
                    raise TypeError(f"{kind.__name__}() accepts 1 positional sub-pattern ({len(positional)} given)")
                if not positional[0](frame, subject, bindings):
                    return False
                wanted = list(named)
            else:
                names = getattr(kind, "__match_args__", ())
                if len(positional) > len(names):
                    plural = "" if len(names) == 1 else "s"
                    raise TypeError(
                        f"{kind.__name__}() accepts {len(names)} positional sub-pattern{plural} "
                        f"({len(positional)} given)"
                    )
                wanted = [*zip(names, positional, strict=False), *named]
            for name, test in wanted:
                try:
                    value = attributes.get(subject, name)
                except AttributeError:
                    return False
                if not test(frame, value, bindings):
                    return False
            return True

        return match


def _captures(node: ast.pattern) -> list[str]:
    names: dict[str, None] = {}
    for item in ast.walk(node):
        if isinstance(item, ast.MatchAs | ast.MatchStar) and item.name is not None:
            names.setdefault(item.name)
        elif isinstance(item, ast.MatchMapping) and item.rest is not None:
            names.setdefault(item.rest)
    return list(names)
