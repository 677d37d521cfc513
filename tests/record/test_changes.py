"""Only what changed is written, and all that did: programs of chance change objects behind each other's names."""

from __future__ import annotations

import json
import random

import pytest

from cwm_lsp.record.inprocess import record_in_process
from tests.evaluate.recording import only_on_the_reference

from .reference import plain, reference

HEAD = """
from dataclasses import dataclass, field
import collections, functools

@dataclass
class P:
    x: int
    y: object = 2.5
    @property
    def both(self):
        self.x += 1
        return self.x

class Q:
    def __init__(self, v):
        self.v = v
    def __repr__(self):
        return f"Q({self.v!r})"
    def __iadd__(self, other):
        self.v.append(other)
        return self
    def __getitem__(self, k):
        self.v.append(k)
        return k
    def __lt__(self, other):
        SHARED.append(1)
        return True

SHARED = [0]
N = collections.namedtuple("N", "a b")

def push(items, v):
    items.append(v)
    return v

def held(items):
    for n in range(2):
        items.append(n)
        yield n

"""
STEPS = [
    "{a} = [1, 2]",
    "{a} = {b}",
    "{a} = {{'k': 1}}",
    "{a} = {{'k': [1]}}",
    "{a} = P({i})",
    "{a} = P({i}, [1])",
    "{a} = Q([{i}])",
    "{a} = N(1, [{i}])",
    "{a} = ({b}, {i})",
    "{a} = [{b}, {i}]",
    "{a} = SHARED",
    "{a} = str({i}) + 'x'",
    "{a} = len(str({b}))",
    "{a} = {i} * 3; {b} = {a} + 1",
    "if isinstance({a}, list): {a}.append({i})",
    "if isinstance({a}, list): {a}[0:1] = [{i}]",
    "if isinstance({a}, list) and {a}: {a}[0] = {i}",
    "if isinstance({a}, list) and {a}: del {a}[0]",
    "if isinstance({a}, list): {a} += [{i}]",
    "if isinstance({a}, list): {a}.extend(map({a}.append, [{i}]))",
    "if isinstance({a}, list): {b} = {a}.append; {b}({i}); {b} = 0",
    "if isinstance({a}, list): list(map({a}.append, [{i}]))",
    "if isinstance({a}, list): {b} = push({a}, {i})",
    "if isinstance({a}, list): {b} = functools.partial({a}.append, {i}); {b}()",
    "if isinstance({a}, list):\n        for {b} in map({a}.append, [1, 2]): pass",
    "if isinstance({a}, list):\n        for {b} in held({a}): pass",
    "if isinstance({a}, list):\n        for {b} in range(3):\n            {a}.append({b})",
    "if isinstance({a}, list) and {a} and isinstance({a}[0], list): {b} = {a}[0]; {b}.append({i})",
    "if isinstance({a}, dict): {a}['n{i}'] = {i}",
    "if isinstance({a}, dict): {a}.setdefault('s', {i})",
    "if isinstance({a}, dict):\n        {b} = {a}\n        {a} = {a}.setdefault('d{i}', {{}})",
    "if isinstance({a}, list) and {a}:\n        {b} = {a}\n        {a} = {a}.pop()",
    "if isinstance({a}, list):\n        {b} = {a}\n        {a}.append({i}); del {a}; {a} = {b}",
    "if isinstance({a}, dict): {a}.update(u={i})",
    "if isinstance({a}, dict) and 'k' in {a}: {a}['k'] = {a}.get('k')",
    "if isinstance({a}, P): {a}.x = {i}",
    "if isinstance({a}, P): {a}.x += 1",
    "if isinstance({a}, P): {b} = {a}.both",
    "if isinstance({a}, P): {a}.y = {b} if isinstance({b}, int) else None",
    "if isinstance({a}, P) and isinstance({a}.y, list): {a}.y.append({i})",
    "if isinstance({a}, P): setattr({a}, 'x', {i})",
    "if isinstance({a}, Q): {a} += {i}",
    "if isinstance({a}, Q): {b} = {a}[{i}]",
    "if isinstance({a}, Q): {b} = {a} < {a}",
    "if isinstance({a}, Q): {b} = {a}.v",
    "SHARED.append({i})",
    "change(); {a} = {i}",
    "{b} = (lambda: change())()",
    "try:\n        {a}.missing; {b} = 1\n    except AttributeError:\n        {b} = 2",
    "del {a}; {a} = {i}",
    "print(end=''); {a} = {b} == {a}",
]


def program(seed: int) -> str:
    choose = random.Random(seed)
    names = ["a", "b", "c", "d"]
    steps = []
    for number in range(choose.randint(8, 20)):
        one, other = choose.sample(names, 2)
        steps.append(choose.choice(STEPS).format(a=one, b=other, i=number))
    rebound = choose.choice(["SHARED", "[7]", "3"])
    inner = ["def change():", "    nonlocal a", "    SHARED.append(9)", f"    a = {rebound}"]
    lines = ["a = b = c = d = 0", *inner, *steps, "return a, b, c, d"]
    return HEAD + "def f():\n    " + "\n    ".join(lines) + "\n"


def differs(seed: int) -> object:
    source = program(seed)
    line = source[: source.index("def f()")].count("\n") + 1
    truth = json.loads(json.dumps(reference(source, "<recorded>", "f()", ("f", line), "__recorded__")))
    found = plain(record_in_process(source, "f", "f()", target=("f", line)).events)
    if found == truth:
        return None
    at = next((n for n, (a, b) in enumerate(zip(found, truth, strict=False)) if a != b), min(len(found), len(truth)))
    return seed, found[at : at + 1], truth[at : at + 1]


@only_on_the_reference
def test_every_change_is_seen():
    assert [found for found in map(differs, range(150)) if found] == []


@pytest.mark.long
@only_on_the_reference
def test_every_change_is_seen_in_many_programs():
    assert [found for found in map(differs, range(150, 4_000)) if found] == []
