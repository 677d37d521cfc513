"""Random programs that change values of many kinds, each in a statement of its own that nothing is around."""

import random

HEAD = """\
import heapq
import functools
from collections import defaultdict, deque, Counter, OrderedDict
from dataclasses import dataclass, field


@dataclass
class Point:
    x: int
    tags: list = field(default_factory=list)
    z: object = None

    def move(self, by):
        self.x += by
        return self

    @property
    def moved(self):
        self.x += 1
        return self.x

    @functools.cached_property
    def lazy(self):
        self.tags.append("lazy")
        return 1

    def __add__(self, other):
        self.x += 100
        return 5

    def __getitem__(self, key):
        self.tags.append(key)
        return key

    def __bool__(self):
        self.x -= 1
        return True

    def __len__(self):
        return 1

    def __eq__(self, other):
        self.x += 7
        return True

    def __enter__(self):
        self.x += 1000
        return self

    def __exit__(self, *args):
        self.tags.append("exit")

    def __iter__(self):
        self.tags.append("iter")
        return iter([1, 2])

    def __contains__(self, item):
        self.tags.append("in")
        return True

    def __format__(self, spec):
        self.x += 3
        return "p"

    def __neg__(self):
        self.x = -self.x
        return self

    def __call__(self, value):
        value.append("called")
        return 1

    def __iadd__(self, other):
        self.tags.append(other)
        return self


def grow(value, by=1):
    value.append(by)
    inner = value
    inner.append(2)
    return value


def gen(value):
    value.append("g1")
    yield 1
    value.append("g2")
    yield 2
    value.append("g3")


def held(value, other, by=3):
    seen = value
    grow(other)
    count = len(seen) + len(other)
    value.append(count)
    inner = [grow(part) for part in (value, other)]
    by += len(inner)
    return by


def swap(one, other):
    one.x, other.x = other.x, one.x


def f(n):
    l0, l1 = [1, 2], [3]
    l2 = [l0, l1]
    t0 = (l0, 5)
    d0 = {"a": 1, "l": l0}
    dd, dq, c, od = defaultdict(list), deque([1]), Counter("ab"), OrderedDict(a=1)
    s = {1, 2}
    p0, p1 = Point(1, l0), Point(2)
    p1.z = p0
    deep = [[p0], {"p": p1}]

    alias = p0
    lam = lambda value: value.append("lam")
    i = 0
    for i in range(n):
"""
"""Its last lines have a body to come."""
STEPS = """\
l0.extend(held(l0, l1) for _ in range(2))
x = sum(held(value, l0) for value in [l1, l0])
x = list(map(held, [l0, l1], [l1, l0]))
x = sorted([l0, l1], key=lambda value: held(value, l1))
x = functools.reduce(lambda one, other: held(l0, l1, one), [1, 2, 3])
x = max([p0, p1], key=lambda point: point.move(held(point.tags, l0)).x)
dd.update((held(l0, l1), grow(l0)) for _ in range(2))
l0[:1] = map(held, [l0, l1], [l1, l1])
x = [held(l0, l1) for _ in gen(l0)]
l0.append(i)
l1.append(i); i = 1
l2[0].append(i)
d0['a'] = i
d0['l'].append(i)
d0['k'] = l1
d0.setdefault('q', []).append(i)
d0.pop('k', None)
dd['x'].append(i)
dd[i]
x = dd['y']
dq.append(i)
dq.rotate(1)
c['a'] += 1
c.update('a')
od['b'] = i
od.move_to_end('a')
s.add(i + 5)
s |= {i}
p0.x = i
p0.x += 1
alias.x += 5
p0.tags.append(i)
p0.tags = [i]
p1.z = i
p1.z = p0
p0.move(2)
x = p0.move(3)
y = p0.moved
y = p1.lazy
y = p0 + 1
y = p0[3]
y = 1 if p0 else 2
y = p0 and 3
y = not p1
y = p0 == p1
y = p0 == 3
y = 3 in p1
y = f"{p0}"
y = -p0
y = p0(l1)
p0 += 9
y = [v for v in p0]
y = list(p0)
y, z = p0
grow(l0)
y = grow(l1)
grow(p0.tags, 3)
grow(value=l0)
swap(p0, p1)
lam(l1)
getattr(l0, 'append')(7)
setattr(p0, 'x', 55)
vars(p0)['x'] = 66
p0.__dict__['x'] = 77
w = vars(p1)
w = p0.__dict__
heapq.heappush(l1, 0) if all(type(v) is int for v in l1) else None
y = sorted([2, 1], key=lambda v: l0.append(v) or v)
y = list(map(l0.append, [1, 2]))
y = [l1.append(v) for v in range(2)]
y = any(l0.append(1) for _ in range(2))
y = list(gen(l0))
y = next(gen(l1))
y = sum(gen(l1))
l0 += [8]
l0 += gen(l1)
l0.extend(gen(l1))
l0 *= 1
l0[0] = i
l0[0] = True
l0[0] = 1
l0[:1] = [i, i]
del l0[-1]
l0.insert(0, i)
l0.reverse()
l0, l1 = l1, l0
l1 = l0
l1 = l0[:]
l0 = [1, 2]
l2[1] = l0
t0[0].append(9)
deep[0][0].x = i
deep[1]['p'].tags.append(i)
deep[0].append(i)
y = p0.tags.append(i) or l0
y = (l0.append(1), len(l0))
y = l0.pop() if l0 else None
l0.clear()
del p1.z; p1.z = 4
Point.x = 5
Point.extra = property(lambda self: self.tags.append('extra'))
y = getattr(p0, 'extra', None)
p0.x = p0
q = Point(i, l0)
q = Point(i)
y = functools.reduce(lambda a, b: l1.append(b) or a, [1, 2])
y = max([p0, p1], key=lambda v: v.moved)
y = min(3, 4)
y = str(p0)
y = repr(p0)
exec('l0.append(4)')
y = eval('l1.append(4)')
y = (lambda: l0.append(6))()
y = (k := [i])
y = isinstance(p0, Point)
l0.sort(key=str)
y = l0.copy()
y = dict(d0)
d0.update(a=3)
d0 |= {'z': l0}
y = "%s" % (p0,)
y = {**d0}
y = l0 + l1
y = l0 < l1 if all(type(v) is int for v in l0 + l1) else 0
"""
BLOCKS = """\
with p0: l1.append(1)
for v in p0: y = v
for v in gen(l0): l1.append(v)
for v in gen(l0): y = v
for k, v in enumerate(gen(l1)): y = k
for v in l0[:2]: l0.append(5)
for v in zip(gen(l0), gen(l1)): y = v
while p0.moved % 5: y = 1
if p0: y = 2
if l0.append(1) is None: y = 3
for v in map(l1.append, [1]): y = v
for v in iter(l0.pop, 1): y = v; break
assert p0
assert not l0.append(1)
"""


def program(seed: int) -> str:
    r = random.Random(seed)
    lines = [r.choice((STEPS if r.random() < 0.85 else BLOCKS).splitlines()) for _ in range(14)]
    return HEAD + "".join(f"        {line}\n" for line in lines) + "    return l0\n"
