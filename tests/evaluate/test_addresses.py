"""No address of the process that evaluates is told as a value, nor anything else that its own seed of hashes decides:
two processes say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from cwm_lsp.evaluate import Evaluation
from cwm_lsp.evaluate.questions import Question

HEAD = """
import array, argparse, base64, binascii, collections, contextlib, copy, csv, dataclasses, decimal, enum, fractions
import functools, hashlib, heapq, io, itertools, json, math, operator, pprint, re, statistics, string, struct, textwrap
import traceback, types, typing, urllib.parse, uuid, weakref
class P: pass
class E(Exception): pass
class Copied:
    def __deepcopy__(self, memo):
        self.memo = memo
        return 1
@dataclasses.dataclass
class D:
    x: object
def h(x): return x
def g(): yield 1
def memo():
    c = Copied()
    copy.deepcopy([c, [c]])
    return c.memo
def said(act):
    try:
        act()
    except Exception as error:
        return str(error), error.args
def file(write, at=24):
    s = io.StringIO()
    write(s)
    s.seek(at)
    return s
def redirected():
    with contextlib.redirect_stdout(io.StringIO()) as s:
        print(P())
    s.seek(24)
    return s.read(8)
def grown():
    a = bytearray()
    a += b"%a" % (P(),)
    return a[24:30]
"""
ATTEMPTS = """
array.array("i", [1]).buffer_info()
id(P()) // 16
hash(P()) & 0xffff
hash("abc")
hash((1, b"a"))
hash(D)
hash(float("nan"))
object.__hash__(1)
object.__repr__([])[-9:]
str(P())[-9:]
f"{P()}"
"%s" % P()
"{0!r:>50}".format([P()])
{str(P()): 1}
list(map(str, [P()]))[0][-9:]
list(map(operator.mod, ["%s"], [P()]))[0][-9:]
functools.reduce(lambda a, b: a + str(b), [P()], "")
b"%a" % (P(),)
(b"%a" % P())[-10:]
b"%r" % [h]
bytes(b"%a" % h).hex()
list(b"%a" % h)
int.from_bytes(b"%a" % h, "big")
operator.mod(b"%a", P())
base64.b64encode(b"%a" % h)
hashlib.sha256(b"%a" % P()).hexdigest()
bytearray(b"%r") % (P(),)
grown()
hashlib.md5()
repr(hashlib.md5())
repr(hashlib.sha256().copy())
urllib.parse.urlencode({"a": P()})
urllib.parse.urlencode([("a", h)])
traceback.format_exception_only(E, E(P()))[0][-10:]
"".join(traceback.format_exception_only(E, E(P())))
file(lambda s: print(P(), file=s)).read(8)
file(lambda s: print(1, [P()], sep="|", file=s)).readlines()
list(file(lambda s: print(h, file=s), 15))
file(lambda s: csv.writer(s).writerow([P()])).read(9)
file(lambda s: csv.writer(s).writerows([[1, P()]])).read(9)
file(lambda s: csv.DictWriter(s, ["a"]).writerow({"a": P()})).read(8)
file(lambda s: pprint.pprint([P()], stream=s)).read(8)
file(lambda s: json.dump({"a": P()}, s, default=str)).read(8)
file(lambda s: s.writelines(map(str, [P()]))).read()
file(lambda s: print({"a", "b", "c"}, file=s), 0).read()
redirected()
memo()
list(memo())
sorted(k for k in memo() if isinstance(k, int))
said(lambda: {}[P()])
said(lambda: [].index(P()))
said(lambda: int(repr(P())))
said(lambda: json.dumps({"a": P()}, default=lambda o: {o: 1}))
said(lambda: getattr(P(), str(P())))
said(lambda: enum.Enum("A", "x")(P()))
said(lambda: copy.deepcopy(g()))
said(lambda: operator.itemgetter(P())({1: 2}))
said(lambda: argparse.ArgumentParser().add_argument(P()))
struct.pack("P", id(h))
fractions.Fraction(id(1), 3)
statistics.mean(map(id, [1, 2]))
[k for k, _ in itertools.groupby([P()], key=id)]
sorted([P(), P()], key=id)[0] is None or max(map(id, [h]))
collections.Counter(map(repr, [P()]))
list({"x", "y", "z"})
"".join({"x", "y", "z"})
max({"xx", "yy", "zz"}, key=len)
repr(weakref.ref(P))
uuid.uuid4()
str(types.MappingProxyType({1: P()}))
repr(functools.cmp_to_key(h)(1))
""".strip().splitlines()


def told() -> list[str]:
    """All that is told of each attempt."""
    found = []
    for attempt in ATTEMPTS:
        evaluation = Evaluation(f"{HEAD}\ndef f():\n    r = {attempt}\n    return r\n", "f()", "f")
        steps = []
        for step in evaluation:
            if isinstance(step, Question):
                evaluation.answer({} if step.kind == "values" else None)
            else:
                steps.append(str(step))
        found.append(f"{attempt}: {evaluation.outcome} {evaluation.gave_up} {steps}")
    return found


def test_two_processes_tell_the_same() -> None:
    command = [sys.executable, "-c", f"import json; from {__name__} import told; print(json.dumps(told()))"]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash("a") % 1_000 + 1)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        one = told()
        other = json.loads(process.communicate()[0])
    assert len(one) == len(ATTEMPTS)
    assert [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]] == []


def test_texts_in_files_in_memory_are_known() -> None:
    source = HEAD + (
        "def f():\n"
        "    a = file(lambda s: print(1, [2], decimal.Decimal('3'), D(4), sep='|', file=s), 0).read()\n"
        "    b = file(lambda s: csv.writer(s).writerows([[1, 'a'], (decimal.Decimal('1.5'), None)]), 0).read()\n"
        "    c = file(lambda s: csv.writer(s, quoting=csv.QUOTE_NONNUMERIC).writerow(x for x in [1, 'a']), 0).read()\n"
        "    return a, b, c, hex(2**41), b'0x%x' % 255\n"
    )
    evaluation = Evaluation(source, "f()", "f")
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome is not None
    expected = ("1|[2]|3|D(x=4)\n", "1,a\r\n1.5,\r\n", '1,"a"\r\n', "0x20000000000", b"0xff")
    assert evaluation.outcome.value == repr(expected)
