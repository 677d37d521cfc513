"""What statements do, reckoned from reprs: as Python does it, or unknown, and soon."""

import ast
import time

import pytest

from cwm_lsp.predict.reckoning import Unknown, bound, effects, shown, value_of

VALUES = {
    "n": "7",
    "text": "'some words'",
    "words": "['b', 'a', 'c']",
    "pairs": "[(1, 'x'), (2, 'y')]",
    "table": "{'a': [1], 'b': [2, 3]}",
    "ratio": "0.5",
    "seen": "set()",
    "thing": "<m.Thing object>",
    "cut": "'abc...",
}

STATEMENTS = """\
n += 3
n = n // 2 if n > 3 else -n
m, k = n % 3, n * ratio
words.append(text[2:])
words[0], words[1] = words[1], words[0]
del words[0]
last = words.pop()
table['a'].append(n)
table['c'] = table.get('c', 0) + 1
text = text.upper().replace(' ', '_')
parts = text.split()
joined = ''.join(sorted(set(text)))
f = f'{n} of {len(words)}'
q = [w + str(i) for i, w in enumerate(words) if w != 'a']
z = {k: v for k, v in zip(words, range(3))}
s = sum(x for x, _ in pairs)
seen.add(n)
b = 'a' in words and not n == 7 or text.startswith('some')
c = 1 < n <= 9
r = list(reversed(words)) + [max(words), min(3, n)]
(first, *_) = words
words.sort()
t = tuple(words)[::-1]
""".splitlines()


@pytest.mark.parametrize("text", STATEMENTS)
def test_effects_are_those_of_python(text):
    names = {name: eval(its) for name, its in VALUES.items() if name not in ("thing", "cut")}
    exec(text, {}, names)
    told = effects(ast.parse(text).body[0], VALUES)
    assert told or "*_" in text
    for name, its in told.items():
        assert its == repr(names[name]), name


@pytest.mark.parametrize(
    "expression",
    [
        "thing",
        "thing + 1",
        "cut",
        "absent",
        "9 ** 9 ** 9",
        "'a' * 10 ** 9",
        "'a' * 1000000000",
        "[0] * 99999999",
        "1 << 999",
        "range(10 ** 12)",
        "range(1000000000000)",
        "text.ljust(1000000000)",
        "''.join([text * 300] * 300).replace('', text * 300)",
        "[[0] * 4000 for _ in range(4000)]",
        "[x for x in range(4000) for y in range(4000)]",
        "text.__class__",
        "text.format(1)",
        "open('x')",
        "__import__('os')",
        "eval('1')",
        "words[99]",
        "1 / 0",
        "{[]: 1}",
        "(lambda: 1)()",
        "n.bit_length.__self__",
        "sum([words] * 4000, [])",
        "'%s' % n",
        "int('9' * 4000)",
    ],
)
def test_what_cannot_be_told_soon_is_unknown(expression):
    started = time.process_time()
    with pytest.raises(Unknown):
        value_of(ast.parse(expression, mode="eval").body, VALUES)
    assert shown(ast.parse(expression, mode="eval").body, VALUES) is None
    assert time.process_time() - started < 5  # and not for ever


def test_the_variables_of_a_loop():
    target = ast.parse("for i, (a, b) in x: pass").body[0].target
    assert bound(target, (3, ("x", [1]))) == {"i": "3", "a": "'x'", "b": "[1]"}
    assert bound(target, (3, 4)) == {}


def test_a_statement_that_cannot_be_told_has_no_effects():
    for text in ("words.sort(key=len)", "n = thing", "words = unknown(words)", "for x in words: pass", "import os"):
        assert effects(ast.parse(text).body[0], VALUES) == {}
