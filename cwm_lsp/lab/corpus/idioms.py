"""Everyday functions: accumulate, filter, search, parse, group, validate, small classes.

Each is a template. `$name` stands for an identifier, the same one throughout, drawn from those usual for its role;
`@p` (2 to 5), `@i` (0 to 9), `@c` (a letter), `@s` (a word), `@e` (a separator) stand for literals. A call like
`$f(xs, n)` is made of arguments of the kinds that those roles hold.
"""

from __future__ import annotations

import re
from random import Random

from cwm_lsp.lab.corpus import loops, values
from cwm_lsp.lab.corpus.programs import Program

ROLES: dict[str, tuple[str, list[str]]] = {
    # role: (kind of value it holds, names)
    "xs": ("list_int", values.NAMES["list_int"]),
    "ys": ("list_int", ["others", "ys", "b", "nums2", "second", "right", "values2"]),
    "ws": ("list_str", values.NAMES["list_str"]),
    "s": ("str", values.NAMES["str"]),
    "t": ("str", ["t", "other", "sub", "pattern", "needle", "target", "sep", "delim", "suffix", "prefix2"]),
    "n": ("int", values.NAMES["int"]),
    "m": ("int", ["m", "limit", "threshold", "k", "width", "size", "maximum", "step", "capacity"]),
    "d": ("dict_int", values.NAMES["dict_int"]),
    "e": ("dict_str", values.NAMES["dict_str"]),
    "mx": ("nested", values.NAMES["nested"]),
    "p": ("tuple_int", values.NAMES["tuple_int"]),
    "q": ("any", ["queue", "stack", "pending", "todo", "buffer", "work"]),
    "x": ("any", ["x", "num", "value", "item", "el", "v", "number", "cur"]),
    "w": ("any", ["w", "word", "item", "token", "name", "part", "piece"]),
    "c": ("any", ["c", "ch", "char", "letter", "symbol"]),
    "i": ("any", ["i", "idx", "index", "pos", "k"]),
    "j": ("any", ["j", "jj", "inner", "other_index"]),
    "acc": ("any", ["total", "acc", "result", "count", "s_total", "answer", "running", "score"]),
    "best": ("any", ["best", "max_value", "largest", "winner", "top", "current_best"]),
    "out": ("any", ["out", "result", "output", "res", "ans", "new_list", "collected", "found", "kept"]),
    "r": ("any", ["result", "res", "text_out", "new_text", "output", "built", "answer"]),
    "map": ("any", ["counts", "groups", "table", "mapping", "index", "lookup", "freq", "cache"]),
    "key": ("any", ["key", "k", "name", "label", "group_key"]),
    "v": ("any", ["v", "val", "amount", "cnt", "entry"]),
    "row": ("any", ["row", "line", "record", "sub_list", "group"]),
    "seen": ("any", ["seen", "visited", "known", "already"]),
    "flag": ("any", ["found", "ok", "changed", "valid", "done"]),
    "lo": ("any", ["lo", "low", "left", "start", "begin"]),
    "hi": ("any", ["hi", "high", "right", "end", "stop"]),
    "a": ("any", ["a", "first", "prev", "x1", "left_part"]),
    "b": ("any", ["b", "second", "nxt", "x2", "right_part"]),
    "f": ("any", values.FUNCTIONS),
    "g": ("any", ["helper", "step_once", "is_ok", "clean_one", "score_of", "double", "adjust", "check_one", "key_of"]),
    "C": ("any", ["Stack", "Counter", "Account", "Inventory", "Buffer", "Point", "Cart", "Registry", "Timer", "Tally"]),
}

TEXT = '''
def $f($xs):
    $acc = 0
    for $x in $xs:
        $acc += $x
    return $acc
>>> $f(xs)
def $f($xs, $m):
    """Sum of the values above a threshold."""
    $acc = 0
    for $x in $xs:
        if $x > $m:
            $acc += $x
    return $acc
>>> $f(xs, m)
def $f($xs):
    $out = []
    for $x in $xs:
        if $x % @p == 0:
            $out.append($x)
    return $out
>>> $f(xs)
def $f($xs):
    $best = $xs[0]
    for $x in $xs[1:]:
        if $x > $best:
            $best = $x
    return $best
>>> $f(xs)
def $f($xs):
    $best = None
    for $i, $x in enumerate($xs):
        if $best is None or $x < $xs[$best]:
            $best = $i
    return $best
>>> $f(xs)
def $f($s):
    $map = {}
    for $c in $s:
        $map[$c] = $map.get($c, 0) + 1
    return $map
>>> $f(s)
def $f($ws):
    $map = {}
    for $w in $ws:
        if $w in $map:
            $map[$w] += 1
        else:
            $map[$w] = 1
    return $map
>>> $f(ws)
def $f($ws):
    """Group words by their length."""
    $map = {}
    for $w in $ws:
        $map.setdefault(len($w), []).append($w)
    return $map
>>> $f(ws)
def $f($s):
    $r = ''
    for $c in $s:
        $r = $c + $r
    return $r
>>> $f(s)
def $f($s):
    $r = ''
    for $c in $s:
        if $c.isalpha():
            $r += $c.upper()
        else:
            $r += @c
    return $r
>>> $f(s)
def $f($s, $t):
    $r = []
    for $c in $s:
        if $c not in $t:
            $r.append($c)
    return ''.join($r)
>>> $f(s, t)
def $f($s):
    $acc = 0
    for $c in $s:
        if $c in 'aeiou':
            $acc += 1
    return $acc
>>> $f(s)
def $f($s):
    return $s == $s[::-1]
>>> $f(s)
def $f($s):
    $lo, $hi = 0, len($s) - 1
    while $lo < $hi:
        if $s[$lo] != $s[$hi]:
            return False
        $lo += 1
        $hi -= 1
    return True
>>> $f(s)
def $f($xs):
    $out = []
    $seen = set()
    for $x in $xs:
        if $x not in $seen:
            $seen.add($x)
            $out.append($x)
    return $out
>>> $f(xs)
def $f($xs):
    $out = []
    $acc = 0
    for $x in $xs:
        $acc += $x
        $out.append($acc)
    return $out
>>> $f(xs)
def $f($xs, $ys):
    $out = []
    for $a, $b in zip($xs, $ys):
        $out.append($a + $b)
    return $out
>>> $f(xs, ys)
def $f($xs, $ys):
    $out = []
    for $x in $xs:
        if $x in $ys and $x not in $out:
            $out.append($x)
    return $out
>>> $f(xs, ys)
def $f($mx):
    $out = []
    for $row in $mx:
        for $x in $row:
            $out.append($x)
    return $out
>>> $f(mx)
def $f($mx):
    $out = []
    for $row in $mx:
        $out.append(sum($row))
    return $out
>>> $f(mx)
def $f($mx):
    return [max($row) for $row in $mx]
>>> $f(mx)
def $f($n):
    $out = []
    $i = 1
    while $i <= $n and len($out) < 5:
        $out.append($i * $i)
        $i += 1
    return $out
>>> $f(n)
def $f($n):
    $acc = 0
    $n = abs($n)
    while $n > 0:
        $acc += $n % 10
        $n //= 10
    return $acc
>>> $f(n)
def $f($n):
    $r = ''
    if $n == 0:
        return '0'
    while $n > 0:
        $r = str($n % 2) + $r
        $n = $n // 2
    return $r
>>> $f(n)
def $f($n):
    $a, $b = 0, 1
    for _ in range(@p):
        $a, $b = $b, $a + $b
    return $a + $n
>>> $f(n)
def $f($n):
    if $n < 0:
        raise ValueError('$n must not be negative')
    if $n < 2:
        return 1
    return $n * $f($n - 1) if $n < 5 else $n
>>> $f(n)
def $f($s):
    """Parse 'key=value' pairs."""
    $map = {}
    for $w in $s.split(','):
        $key, $v = $w.split('=')
        $map[$key.strip()] = int($v)
    return $map
>>> $f('@w=@i,@w=@i')
>>> $f('@w=@i')
>>> $f('@w=@i,@w')
>>> $f('@w=@w')
def $f($s):
    $out = []
    for $w in $s.split(@e):
        $w = $w.strip()
        if $w:
            $out.append($w)
    return $out
>>> $f('@w@E@w@E@w')
>>> $f(s)
def $f($s):
    $out = []
    for $w in $s.split():
        $out.append($w.capitalize())
    return ' '.join($out)
>>> $f('@w @w')
>>> $f('@w @w @w')
def $f($s):
    """First letters, in upper case."""
    $r = ''
    for $w in $s.split():
        $r += $w[0].upper()
    return $r
>>> $f('@w @w @w')
def $f($s):
    $r = ''
    for $i, $c in enumerate($s):
        if $i % 2 == 0:
            $r += $c
    return $r
>>> $f(s)
def $f($s):
    $acc = 0
    for $c in $s:
        if $c == '(':
            $acc += 1
        elif $c == ')':
            $acc -= 1
            if $acc < 0:
                return False
    return $acc == 0
>>> $f('(())')
>>> $f('())(')
>>> $f('(a)(')
def $f($s, $n):
    """Shift letters along the alphabet."""
    $r = ''
    for $c in $s:
        if $c.isalpha():
            $r += chr((ord($c) - 97 + $n) % 26 + 97)
        else:
            $r += $c
    return $r
>>> $f(s, @i)
def $f($s):
    $out = []
    $i = 0
    while $i < len($s):
        $j = $i
        while $j < len($s) and $s[$j] == $s[$i]:
            $j += 1
        $out.append(($s[$i], $j - $i))
        $i = $j
    return $out
>>> $f('aab')
>>> $f('xxxy')
>>> $f('zzpp')
def $f($d):
    $acc = 0
    for $key, $v in $d.items():
        if len($key) > @p:
            $acc += $v
    return $acc
>>> $f(d)
def $f($d):
    $out = []
    for $key in sorted($d):
        $out.append(f'{$key}={$d[$key]}')
    return ', '.join($out)
>>> $f(d)
def $f($d):
    return {$v: $key for $key, $v in $d.items()}
>>> $f(d)
def $f($d, $m):
    return {$key: $v for $key, $v in $d.items() if $v >= $m}
>>> $f(d, m)
def $f($d, $s):
    if $s not in $d:
        return None
    return $d[$s] * 2
>>> $f(d, s)
def $f($d, $s):
    """Look up a price and add tax."""
    $v = $d[$s]
    return $v + $v // 10
>>> $f(d, s)
>>> $f({'@w': @i, 'cost': @n}, 'cost')
>>> $f({'@w': @i}, '@w')
def $f($d, $s, $n):
    try:
        $v = $d[$s]
    except KeyError:
        $v = $n
    return $v + 1
>>> $f(d, s, n)
def $f($s):
    try:
        return int($s)
    except ValueError:
        return None
>>> $f(s)
>>> $f('@n')
def $f($ws):
    $acc = 0
    for $w in $ws:
        try:
            $acc += int($w)
        except ValueError:
            continue
    return $acc
>>> $f(ws)
>>> $f(['@n', '@w', '@i'])
def $f($ws):
    $acc = 0
    for $w in $ws:
        $acc += int($w)
    return $acc
>>> $f(ws)
>>> $f(['@n', '@i'])
>>> $f(['@n', '@w', '@i'])
def $f($n, $m):
    if $m == 0:
        raise ZeroDivisionError('division by zero')
    return $n // $m
>>> $f(n, m)
>>> $f(n, 0)
def $f($xs):
    """Arithmetic mean, rounded down."""
    return sum($xs) // len($xs)
>>> $f(xs)
>>> $f([])
def $f($xs, $n):
    return $xs[$n]
>>> $f(xs, @i)
>>> $f(xs, @p)
def $f($xs, $n):
    for $i in range(len($xs)):
        if $xs[$i] == $n:
            return $i
    return -1
>>> $f(xs, n)
>>> $f([@i, @n, @p, 7], 7)
def $f($xs, $n):
    if $n not in $xs:
        raise ValueError(f'{$n} is missing')
    $xs.remove($n)
    return $xs
>>> $f(xs, n)
>>> $f([@i, @n, 4], 4)
def $f($xs, $n):
    $lo = 0
    $hi = len($xs) - 1
    while $lo <= $hi:
        mid = ($lo + $hi) // 2
        if $xs[mid] < $n:
            $lo = mid + 1
        elif $xs[mid] > $n:
            $hi = mid - 1
        else:
            return mid
    return None
>>> $f([1, 3, 5, 8, 9], @i)
>>> $f([2, 4, 7], @i)
def $f($xs):
    for $i in range(1, len($xs)):
        $x = $xs[$i]
        $j = $i - 1
        while $j >= 0 and $xs[$j] > $x:
            $xs[$j + 1] = $xs[$j]
            $j -= 1
        $xs[$j + 1] = $x
    return $xs
>>> $f([@i, @i, @i])
def $f($xs):
    $i = 0
    while $i < len($xs) - 1:
        if $xs[$i] > $xs[$i + 1]:
            $xs[$i], $xs[$i + 1] = $xs[$i + 1], $xs[$i]
        $i += 1
    return $xs
>>> $f([@i, @n, @i, @i])
def $f($xs, $m):
    $out = []
    for $i in range(0, len($xs), @p):
        $out.append($xs[$i:$i + @p])
    return $out
>>> $f(xs, m)
def $f($s, $m):
    if len($s) <= $m:
        return $s
    return $s[:$m] + '...'
>>> $f(s, @p)
def $g($x):
    return $x * 2


def $f($xs):
    $out = []
    for $x in $xs:
        $out.append($g($x))
    return $out
>>> $f(xs)
def $g($x, $m=@p):
    if $x > $m:
        return $m
    return $x


def $f($n):
    $a = $g($n)
    $b = $g($a, @p)
    return $a + $b
>>> $f(n)
def $g($w):
    return $w.strip().lower()


def $f($ws):
    """Normalise and join."""
    return '-'.join($g($w) for $w in $ws)
>>> $f(ws)
def $f($ws):
    return sorted($ws, key=len)
>>> $f(ws)
def $f($ws):
    return sorted($ws, key=lambda $w: $w[-1:])
>>> $f(ws)
def $f($xs):
    return list(map(lambda $x: $x + @i, $xs))
>>> $f(xs)
def $f($xs, $m):
    $x = [$v for $v in $xs if $v > $m]
    if not $x:
        return 'none'
    return f'{len($x)} above {$m}'
>>> $f(xs, m)
def $f($xs):
    for $x in $xs:
        if $x < 0:
            break
    else:
        return 'all positive'
    return f'negative: {$x}'
>>> $f(xs)
def $f($s, $n):
    assert $n > 0, 'need a positive count'
    return $s * $n
>>> $f(s, @p)
>>> $f(s, 0)
def $f($e, $s):
    $v = $e.get($s)
    return $v.upper()
>>> $f(e, s)
>>> $f({'name': '@w'}, 'name')
def $f($e):
    """Render a configuration."""
    $out = []
    for $key, $v in $e.items():
        $out.append($key + ': ' + $v)
    return '\\n'.join($out)
>>> $f(e)
def $f($n):
    if $n >= 90:
        return 'A'
    elif $n >= 80:
        return 'B'
    elif $n >= 60:
        return 'C'
    return 'F'
>>> $f(n)
>>> $f(@n)
def $f($n):
    if $n % 15 == 0:
        return 'FizzBuzz'
    if $n % 3 == 0:
        return 'Fizz'
    if $n % 5 == 0:
        return 'Buzz'
    return str($n)
>>> $f(n)
def $f($s):
    """Is it a plausible e-mail address?"""
    if '@' not in $s:
        return False
    user, _, host = $s.partition('@')
    if not user or '.' not in host:
        return False
    return True
>>> $f('@w@@w.com')
>>> $f(s)
def $f($s):
    $a, $b = $s.split(':')
    return int($a) * 60 + int($b)
>>> $f('@i:@n')
>>> $f('@n')
>>> $f('@i:@w')
def $f($p):
    $a, $b = $p
    return $a * $b
>>> $f(p)
>>> $f((@i, @i))
def $f($p, $n):
    return tuple($x + $n for $x in $p)
>>> $f(p, n)
def $f($q):
    $out = []
    while $q:
        $x = $q.pop()
        if isinstance($x, list):
            $q.extend($x)
        else:
            $out.append($x)
    return $out
>>> $f([@i, [@i, @n]])
>>> $f([[@i], @p])
def $f($ws):
    $map = {}
    for $i, $w in enumerate($ws):
        $map[$w] = $i
    return $map
>>> $f(ws)
def $f($ws):
    $best = ''
    for $w in $ws:
        if len($w) > len($best):
            $best = $w
    return $best
>>> $f(ws)
def $f($ws, $s):
    $out = [$w for $w in $ws if $w.startswith($s)]
    return len($out)
>>> $f(ws, @c)
def $f($s):
    $r = $s.replace(' ', '_').lower()
    if $r and $r[0].isdigit():
        $r = '_' + $r
    return $r
>>> $f('@W @w')
>>> $f('@i@w')
def $f($s):
    """Count the vowels and the others."""
    $a = $b = 0
    for $c in $s:
        if $c in 'aeiou':
            $a += 1
        else:
            $b += 1
    return $a, $b
>>> $f(s)
def $f(*args):
    $acc = 1
    for $x in args:
        $acc *= $x
    return $acc
>>> $f(@i, @p)
>>> $f(@i, @p, @i)
def $f($n, **options):
    if options.get('double'):
        $n *= 2
    return $n - len(options)
>>> $f(n, double=True)
>>> $f(n, debug=1, @w=@i)
def $f($n):
    for $x in range($n):
        yield $x * @p
>>> list($f(@p))
def $f($xs):
    $a = None
    for $x in $xs:
        if $x != $a:
            yield $x
        $a = $x
>>> list($f([@i, 4, 4, @i]))
def $f($ws):
    with_index = list(enumerate($ws, start=1))
    return [f'{$i}. {$w}' for $i, $w in with_index]
>>> $f(ws)
def $f($mx):
    return [list($row) for $row in zip(*$mx)]
>>> $f([[@i, @i], [@i, @i]])
def $f($mx):
    $acc = 0
    for $i in range(len($mx)):
        $acc += $mx[$i][$i]
    return $acc
>>> $f([[@i, @i], [@i, @i]])
>>> $f([[@i, @i], [@i]])
def $f($n):
    return $n.strip()
>>> $f(n)
>>> $f(' @w ')
>>> $f(None)
def $f($s, $n):
    return $s + $n
>>> $f(s, n)
>>> $f(n, n)
>>> $f(s, s)
def $f($d, $key, $v):
    $d[$key] += $v
    return $d
>>> $f({'@w': @i}, '@w', @i)
>>> $f({'@w': @i, 'total': @n}, 'total', @i)
class $C:
    def __init__(self, $n):
        self.$v = $n

    def $f(self, $m):
        self.$v += $m
        return self.$v
>>> $C(@i).$f(@n)
class $C:
    def __init__(self):
        self.items = []

    def $f(self, $x):
        if len(self.items) >= @p:
            raise OverflowError('full')
        self.items.append($x)
        return len(self.items)
>>> $C().$f(@i)
class $C:
    """A balance that must not go below zero."""

    def __init__(self, $n=0):
        self.balance = $n

    def $f(self, $m):
        if $m > self.balance:
            raise ValueError('insufficient funds')
        self.balance -= $m
        return self.balance
>>> $C(@n).$f(@i)
>>> $C(@i).$f(@n)
import math


def $f($n, $m):
    """Lowest terms of a fraction."""
    $x = math.gcd($n, $m)
    return $n // $x, $m // $x
>>> $f(@n, @p)
>>> $f(@i, @p)
import re


def $f($s):
    """Words of a text, in lower case."""
    $out = re.findall(r'[a-z]+', $s.lower())
    return $out
>>> $f('@W, @w @i!')
>>> $f(s)
import re


def $f($s):
    $x = re.sub(r'\\d', '#', $s)
    return $x
>>> $f('@w@n')
from collections import Counter


def $f($ws):
    """The most common item."""
    $map = Counter($ws)
    return $map.most_common(1)[0][0]
>>> $f(['@w', 'pear', 'pear'])
>>> $f(ws)
from collections import defaultdict


def $f($ws):
    $map = defaultdict(list)
    for $w in $ws:
        $map[$w[:1]].append($w)
    return dict($map)
>>> $f(ws)
import json


def $f($s):
    """Read one setting from a JSON text."""
    $x = json.loads($s)
    return $x['@w']
>>> $f('{"@w": @i}')
>>> $f('{"port": @n}')
>>> $f('not json')
import os.path


def $f($s):
    """File name without folder and extension."""
    $x = os.path.basename($s)
    root, ext = os.path.splitext($x)
    return root
>>> $f('/home/@w/@w.txt')
>>> $f('@w/@w.py')
from itertools import accumulate


def $f($xs):
    $out = list(accumulate($xs))
    return $out[-1]
>>> $f(xs)
from statistics import median


def $f($xs):
    $x = median($xs)
    return int($x)
>>> $f([@i, @i, @i])
>>> $f([])
from textwrap import shorten


def $f($s):
    """Cut a text to a few words."""
    return shorten($s, width=12, placeholder='~')
>>> $f('@w @w @w')
from functools import reduce


def $f($xs):
    return reduce(lambda $a, $b: $a * 2 + $b, $xs)
>>> $f([@i, @i, @i])
from datetime import date


def $f($n):
    """The last day of a month of 2023."""
    $x = date(2023, $n, 28)
    return $x.isoformat()
>>> $f(@p)
>>> $f(13)
from string import capwords


def $f($s):
    $x = capwords($s)
    return $x.split()
>>> $f('@w @w')
'''


def _templates() -> list[tuple[str, list[str]]]:
    """(source, calls) of each."""
    out = []
    source: list[str] = []
    calls: list[str] = []
    for line in (TEXT.strip("\n") + loops.TEXT.rstrip("\n")).split("\n"):
        if line.startswith(">>> "):
            calls.append(line[4:])
            continue
        if calls:
            out.append(("\n".join(source) + "\n", calls))
            source, calls = [], []
        source.append(line)
    out.append(("\n".join(source) + "\n", calls))
    return out


TEMPLATES = _templates()


def idiom(r: Random) -> Program:
    """A program made from one of the templates."""
    source, calls = r.choice(TEMPLATES)
    call = r.choice(calls)
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        role = match[1]
        if role not in names:
            free = [n for n in ROLES[role][1] if n not in names.values()]
            names[role] = r.choice(free or [role])
        return names[role]

    def literal(match: re.Match[str]) -> str:
        word = r.choice(values.WORDS)
        made = {"p": str(r.randint(2, 5)), "i": str(r.randint(0, 9)), "n": str(values.integer(r)), "w": word}
        made |= {"W": word.title(), "c": repr(word[0]), "s": repr(word), "e": repr(separator), "E": separator}
        return made[match[1]]

    separator = r.choice(",;|/")
    source = re.sub(r"@([pincwWsE]|e)(?![a-z])|(?<=')@(?=')", lambda m: literal(m) if m[1] else "@", source)
    source = re.sub(r"\$([A-Za-z]+)", name, source)
    if r.random() < 0.5:
        source = re.sub(r'\n    """.*"""', "", source, count=1)

    def argument(match: re.Match[str]) -> str:
        return repr(values.of_type(r, ROLES[match[1]][0], r.randint(2, 5)))

    head, bracket, rest = call.partition("(")
    while head == "list" or (head.startswith("$C") and "." not in head):  # arguments follow the last name
        inner, bracket2, rest2 = rest.partition("(")
        head, bracket, rest = head + bracket + inner, bracket2, rest2
    kinds = "|".join(role for role, (kind, _) in ROLES.items() if kind != "any")
    rest = re.sub(rf"(?<![\w'{{$=@])({kinds})(?=[,)])", argument, rest)
    rest = re.sub(r"(?<=: )@([a-zA-Z])", literal, rest)
    call = re.sub(r"@([pincwWsEe])(?![a-z@])|@(?=@)", lambda m: literal(m) if m[1] else "@", head + bracket + rest)
    return Program(source, names["f"], re.sub(r"\$([A-Za-z]+)", name, call))
