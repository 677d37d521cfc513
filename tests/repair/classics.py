"""Textbook algorithms, each with one fault: what stands there instead of what, and calls; the second half is hidden."""

# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Classic:
    name: str
    source: str
    right: str
    wrong: str
    calls: tuple[str, ...]
    """Of the function `name`; what they should give is what the right source gives."""

    @property
    def faulty(self) -> str:
        assert self.source.count(self.right) == 1, self.name
        return self.source.replace(self.right, self.wrong)


def _classic(source: str, right: str, wrong: str, *calls: str) -> Classic:
    name = source.split("\ndef ")[-1].split("(")[0]
    return Classic(name, source.lstrip("\n"), right, wrong, calls)


CLASSICS = [
    _classic('''
def bit_count(n):
    count = 0
    while n:
        n &= n - 1  # the lowest bit goes
        count += 1
    return count
''', "&=", "^=", "bit_count(127)", "bit_count(128)", "bit_count(13)", "bit_count(0)", "bit_count(3005)", "bit_count(14)"),
    _classic('''
def greatest(a, b):
    if b == 0:
        return a
    else:
        return greatest(b, a % b)
''', "greatest(b, a % b)", "greatest(a % b, b)", "greatest(17, 0)", "greatest(13, 13)", "greatest(37, 600)",
    "greatest(20, 100)", "greatest(624129, 2061517)", "greatest(3, 12)"),
    _classic('''
def quick(arr):
    if not arr:
        return []
    pivot = arr[0]
    lesser = quick([x for x in arr[1:] if x < pivot])
    greater = quick([x for x in arr[1:] if x >= pivot])
    return lesser + [pivot] + greater
''', ">= pivot", "> pivot", "quick([4, 2, 4, 1])", "quick([1, 2])", "quick([])", "quick([5, 5, 5])", "quick([9, 1, 9])",
    "quick([3, 1, 2])"),
    _classic('''
def find_sorted(arr, x):
    def search(start, end):
        if start == end:
            return -1
        mid = start + (end - start) // 2
        if x < arr[mid]:
            return search(start, mid)
        elif x > arr[mid]:
            return search(mid + 1, end)
        else:
            return mid

    return search(0, len(arr))
''', "search(mid + 1, end)", "search(mid, end)", "find_sorted([3, 4, 5, 5, 6], 7)", "find_sorted([1, 2, 3], 2)",
    "find_sorted([1, 2, 4], 3)", "find_sorted([2, 4, 6, 8], 9)", "find_sorted([2, 4, 6], 1)", "find_sorted([5], 6)"),
    _classic('''
def flat(arr):
    for x in arr:
        if isinstance(x, list):
            for y in flat(x):
                yield y
        else:
            yield x
''', "            yield x", "            yield flat(x)", "list(flat([1, [2, [3]]]))", "list(flat([]))",
    "list(flat([[[]], 4]))", "list(flat([1, 2]))", "list(flat([[5], [6, [7]]]))", "list(flat(['a', ['b']]))"),
    _classic('''
def sack(capacity, items):
    memo = {}
    for i in range(len(items) + 1):
        for j in range(capacity + 1):
            memo[i, j] = 0
    for i in range(1, len(items) + 1):
        weight, value = items[i - 1]
        for j in range(1, capacity + 1):
            memo[i, j] = memo[i - 1, j]
            if weight <= j:
                memo[i, j] = max(memo[i, j], value + memo[i - 1, j - weight])
    return memo[len(items), capacity]
''', "weight <= j", "weight < j", "sack(5, [(5, 10), (4, 7)])", "sack(6, [(2, 3), (4, 5)])", "sack(1, [(2, 9)])",
    "sack(10, [(5, 10), (4, 40), (6, 30)])", "sack(3, [(3, 4), (1, 1), (2, 2)])", "sack(7, [(7, 1)])"),
    _classic('''
def edit_distance(source, target):
    if source == "" or target == "":
        return len(source) or len(target)
    elif source[0] == target[0]:
        return edit_distance(source[1:], target[1:])
    else:
        return 1 + min(
            edit_distance(source, target[1:]),
            edit_distance(source[1:], target[1:]),
            edit_distance(source[1:], target),
        )
''', "return edit_distance(source[1:], target[1:])", "return 1 + edit_distance(source[1:], target[1:])",
    "edit_distance('ab', 'ac')", "edit_distance('', 'abc')",
    "edit_distance('kit', 'sit')", "edit_distance('abc', 'abc')", "edit_distance('ama', 'pan')", "edit_distance('hello', 'olleh')"),
    _classic('''
def merge_sort(arr):
    def merge(left, right):
        result = []
        i = 0
        j = 0
        while i < len(left) and j < len(right):
            if left[i] <= right[j]:
                result.append(left[i])
                i += 1
            else:
                result.append(right[j])
                j += 1
        result.extend(left[i:] or right[j:])
        return result

    if len(arr) <= 1:
        return arr
    else:
        middle = len(arr) // 2
        return merge(merge_sort(arr[:middle]), merge_sort(arr[middle:]))
''', "len(arr) <= 1", "len(arr) == 0", "merge_sort([2, 1])", "merge_sort([])", "merge_sort([1, 2, 6, 4])",
    "merge_sort([5])", "merge_sort([3, 3, 1, 9])", "merge_sort([2, 0, 2])"),
    _classic('''
def next_perm(perm):
    for i in range(len(perm) - 2, -1, -1):
        if perm[i] < perm[i + 1]:
            for j in range(len(perm) - 1, i, -1):
                if perm[i] < perm[j]:
                    next_one = list(perm)
                    next_one[i], next_one[j] = perm[j], perm[i]
                    next_one[i + 1:] = reversed(next_one[i + 1:])
                    return next_one
''', "if perm[i] < perm[j]", "if perm[j] < perm[i]", "next_perm([3, 2, 4, 1])", "next_perm([1, 2])",
    "next_perm([3, 2, 1])", "next_perm([1, 2, 3])", "next_perm([5, 6, 4, 7])", "next_perm([1, 3, 2])"),
    _classic('''
def primes_to(limit):
    primes = []
    for n in range(2, limit + 1):
        if all(n % p > 0 for p in primes):
            primes.append(n)
    return primes
''', "all(", "any(", "primes_to(1)", "primes_to(2)", "primes_to(10)", "primes_to(4)", "primes_to(30)", "primes_to(20)"),
    _classic('''
def choose(a, b, k):
    if k == 0:
        return [[]]
    if b + 1 - a < k:
        return []
    found = []
    for i in range(a, b + 1 - k + 1):
        found.extend([i] + rest for rest in choose(i + 1, b, k - 1))
    return found
''', "return [[]]", "return []", "choose(1, 5, 3)", "choose(30, 42, 0)", "choose(1, 2, 2)", "choose(4, 8, 2)",
    "choose(5, 5, 1)", "choose(1, 3, 4)"),
    _classic('''
from heapq import heappop, heappush


def shortest(lengths, start, goal):
    unvisited = [(0, start)]
    visited = set()
    while unvisited:
        distance, node = heappop(unvisited)
        if node == goal:
            return distance
        visited.add(node)
        for (one, other), length in lengths.items():
            if one == node and other not in visited:
                heappush(unvisited, (distance + length, other))
    return None
''', "distance + length", "length", "shortest({('a', 'b'): 2, ('b', 'c'): 3, ('a', 'c'): 9}, 'a', 'c')",
    "shortest({('a', 'b'): 2}, 'b', 'a')", "shortest({('a', 'b'): 2}, 'a', 'b')", "shortest({}, 'a', 'a')",
    "shortest({('a', 'b'): 1, ('b', 'c'): 1, ('c', 'd'): 5, ('a', 'd'): 6}, 'a', 'd')",
    "shortest({('x', 'y'): 7, ('y', 'z'): 1, ('x', 'z'): 4, ('z', 'w'): 1}, 'x', 'w')"),
    _classic('''
def towers(height, start=1, end=3):
    steps = []
    if height > 0:
        helper = ({1, 2, 3} - {start} - {end}).pop()
        steps.extend(towers(height - 1, start, helper))
        steps.append((start, end))
        steps.extend(towers(height - 1, helper, end))
    return steps
''', "steps.append((start, end))", "steps.append((start, helper))", "towers(0)", "towers(1)", "towers(2)",
    "towers(3)", "towers(2, 1, 2)", "towers(2, 2, 1)"),
    _classic('''
def kth(arr, k):
    pivot = arr[0]
    below = [x for x in arr if x < pivot]
    above = [x for x in arr if x > pivot]
    num_less = len(below)
    num_upto = len(arr) - len(above)
    if k < num_less:
        return kth(below, k)
    elif k >= num_upto:
        return kth(above, k - num_upto)
    else:
        return pivot
''', "kth(above, k - num_upto)", "kth(above, k)", "kth([1, 2, 3, 4], 3)", "kth([3, 1], 0)", "kth([1, 3, 2], 1)",
    "kth([5, 9, 7, 8], 2)", "kth([4, 4, 5, 6], 3)", "kth([9, 8], 1)"),
    _classic('''
def common(a, b):
    if not a or not b:
        return ""
    elif a[0] == b[0]:
        return a[0] + common(a[1:], b[1:])
    else:
        return max(common(a, b[1:]), common(a[1:], b), key=len)
''', "common(a[1:], b[1:])", "common(a[1:], b)", "common('abb', 'ab')",
    "common('a', '')", "common('daenar', 'tar')", "common('aab', 'ab')", "common('xx', 'x')", "common('abcd', 'acd')"),
    _classic('''
def sum_of_best(arr):
    ending = 0
    best = 0
    for x in arr:
        ending = max(0, ending + x)
        best = max(best, ending)
    return best
''', "max(0, ending + x)", "ending + x", "sum_of_best([-5, 2, 1])", "sum_of_best([1, 2])", "sum_of_best([-2])",
    "sum_of_best([-1, 3])", "sum_of_best([-5, 1, -5, 2, 2])", "sum_of_best([2, -1, 2])"),
    _classic('''
def next_palindrome(digits):
    high = len(digits) // 2
    low = (len(digits) - 1) // 2
    while high < len(digits) and low >= 0:
        if digits[high] == 9:
            digits[high] = 0
            digits[low] = 0
            high += 1
            low -= 1
        else:
            digits[high] += 1
            if low != high:
                digits[low] += 1
            return digits
    return [1] + (len(digits) - 1) * [0] + [1]
''', "(len(digits) - 1) * [0]", "len(digits) * [0]", "next_palindrome([9, 9])", "next_palindrome([1, 4, 9, 4, 1])",
    "next_palindrome([1, 1])", "next_palindrome([9])", "next_palindrome([9, 9, 9])", "next_palindrome([2, 2])"),
    _classic('''
def pascal(n):
    rows = [[1]]
    for r in range(1, n):
        row = []
        for c in range(0, r + 1):
            upleft = rows[r - 1][c - 1] if c > 0 else 0
            upright = rows[r - 1][c] if c < r else 0
            row.append(upleft + upright)
        rows.append(row)
    return rows
''', "range(0, r + 1)", "range(0, r)", "pascal(1)", "pascal(2)", "pascal(4)", "pascal(3)", "pascal(5)", "pascal(6)"),
    _classic('''
def ways(coins, total):
    if total == 0:
        return 1
    if total < 0 or not coins:
        return 0
    first, *rest = coins
    return ways(coins, total - first) + ways(rest, total)
''', "total < 0 or not coins", "total < 0", "ways([1, 2], 3)", "ways([5], 5)", "ways([], 0)",
    "ways([2, 3], 7)", "ways([], 4)", "ways([5, 10], 20)"),
    _classic('''
def power_set(arr):
    if arr:
        first, *rest = arr
        subsets = power_set(rest)
        return subsets + [[first] + subset for subset in subsets]
    else:
        return [[]]
''', "return subsets + [[first]", "return [[first]", "power_set([1])", "power_set([])", "power_set([1, 2])",
    "power_set(['a', 'b', 'c'])", "power_set([4, 5])", "power_set([9])"),
    _classic('''
class Node:
    def __init__(self, value, successor=None):
        self.value = value
        self.successor = successor

    def values(self):
        return [self.value] + (self.successor.values() if self.successor else [])


def reverse_list(node):
    previous = None
    while node:
        following = node.successor
        node.successor = previous
        previous = node
        node = following
    return previous
''', "        previous = node\n", "", "reverse_list(Node(1, Node(2, Node(3)))).values()", "reverse_list(Node(1)).values()",
    "reverse_list(None)", "reverse_list(Node(1, Node(2))).values()", "reverse_list(Node(4)).values()",
    "reverse_list(Node('a', Node('b', Node('c')))).values()"),
    _classic('''
def evaluate_rpn(tokens):
    def op(symbol, a, b):
        return {"+": a + b, "-": a - b, "*": a * b}[symbol]

    stack = []
    for token in tokens:
        if isinstance(token, int):
            stack.append(token)
        else:
            a = stack.pop()
            b = stack.pop()
            stack.append(op(token, b, a))
    return stack.pop()
''', "op(token, b, a)", "op(token, a, b)", "evaluate_rpn([3, 5, '+'])", "evaluate_rpn([7, 2, '-'])", "evaluate_rpn([4])",
    "evaluate_rpn([1, 2, 3, '-', '-'])", "evaluate_rpn([2, 9, '-', 3, '*'])", "evaluate_rpn([2, 2, '*'])"),
    _classic('''
def to_postfix(tokens):
    precedence = {"+": 1, "-": 1, "*": 2, "/": 2}
    output = []
    pending = []
    for token in tokens:
        if isinstance(token, int):
            output.append(token)
        else:
            while pending and precedence[token] <= precedence[pending[-1]]:
                output.append(pending.pop())
            pending.append(token)
    while pending:
        output.append(pending.pop())
    return output
''', "            pending.append(token)\n", "", "to_postfix([30])", "to_postfix([10, '-', 5, '-', 2])",
    "to_postfix([34, '-', 12, '/', 5])", "to_postfix([4, '+', 9, '*', 9])", "to_postfix([1, '*', 2])", "to_postfix([])"),
    _classic('''
def root(x, epsilon):
    approx = x / 2
    while abs(x - approx ** 2) > epsilon:
        approx = 0.5 * (approx + x / approx)
    return approx
''', "approx ** 2", "approx", "round(root(4, 0.01), 1)", "round(root(2, 0.001), 2)", "round(root(9, 0.01), 1)",
    "round(root(16, 0.01), 1)", "round(root(5, 0.001), 2)", "round(root(25, 0.01), 1)"),
    _classic('''
def in_base(num, b):
    result = ""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    while num > 0:
        i = num % b
        num = num // b
        result = alphabet[i] + result
    return result
''', "alphabet[i] + result", "result + alphabet[i]", "in_base(8226, 18)", "in_base(73, 8)", "in_base(16, 19)",
    "in_base(31, 16)", "in_base(41, 2)", "in_base(44, 5)"),
    _classic('''
def wrap(text, cols):
    lines = []
    while len(text) > cols:
        end = text.rfind(" ", 0, cols + 1)
        if end == -1:
            end = cols
        line, text = text[:end], text[end:]
        lines.append(line)
    lines.append(text)
    return lines
''', "    lines.append(text)\n    return", "    return", "wrap('The leaves did not stir', 10)", "wrap('abc', 5)", "wrap('abcdef', 3)",
    "wrap('', 4)", "wrap('one two three', 7)", "wrap('abcdefg', 2)"),
    _classic('''
from collections import deque


def reaches(graph, start, goal):
    queue = deque([start])
    seen = {start}
    while queue:
        node = queue.popleft()
        if node == goal:
            return True
        for following in graph.get(node, []):
            if following not in seen:
                queue.append(following)
                seen.add(following)
    return False
''', "while queue:", "while True:", "reaches({'a': ['b']}, 'a', 'b')", "reaches({'a': ['b']}, 'b', 'a')",
    "reaches({}, 'a', 'a')", "reaches({'a': ['b', 'c'], 'c': ['d']}, 'a', 'd')", "reaches({'a': ['a']}, 'a', 'x')",
    "reaches({'x': ['y'], 'y': ['x']}, 'x', 'z')"),
    _classic('''
def bucket_sort(arr, k):
    counts = [0] * k
    for x in arr:
        counts[x] += 1
    result = []
    for i, count in enumerate(counts):
        result.extend([i] * count)
    return result
''', "enumerate(counts)", "enumerate(arr)", "bucket_sort([3, 1, 2], 4)", "bucket_sort([], 3)", "bucket_sort([2, 2, 0], 3)",
    "bucket_sort([5, 1], 6)", "bucket_sort([0, 0, 1], 2)", "bucket_sort([4], 5)"),
    _classic('''
def visits(graph, start, goal):
    seen = set()

    def from_here(node):
        if node in seen:
            return False
        elif node == goal:
            return True
        else:
            seen.add(node)
            return any(from_here(following) for following in graph.get(node, ()))

    return from_here(start)
''', "            seen.add(node)\n", "", "visits({1: [2], 2: [1]}, 1, 3)", "visits({1: [2]}, 1, 2)", "visits({}, 1, 2)",
    "visits({1: [1]}, 1, 5)", "visits({1: [2, 3], 3: [4]}, 1, 4)", "visits({1: [2], 2: [3], 3: [1]}, 2, 9)"),
    _classic('''
class Link:
    def __init__(self, successor=None):
        self.successor = successor


def has_cycle(node):
    slow = fast = node
    while True:
        if fast is None or fast.successor is None:
            return False
        slow = slow.successor
        fast = fast.successor.successor
        if slow is fast:
            return True
''', "fast is None or fast.successor is None", "fast.successor is None", "has_cycle(Link(Link()))", "has_cycle(Link())",
    "has_cycle(Link(Link(Link())))", "has_cycle(None)", "has_cycle(Link(Link(Link(Link()))))", "has_cycle(Link(Link(Link(Link(Link())))))"),
    _classic('''
def factors(n):
    if n == 1:
        return []
    for i in range(2, int(n ** 0.5) + 1):
        if n % i == 0:
            return [i] + factors(n // i)
    return [n]
''', "return [n]", "return []", "factors(1)", "factors(100)", "factors(101)", "factors(9)", "factors(26)", "factors(7)"),
    _classic('''
def is_valid(parens):
    depth = 0
    for paren in parens:
        if paren == "(":
            depth += 1
        else:
            depth -= 1
            if depth < 0:
                return False
    return depth == 0
''', "return depth == 0", "return True", "is_valid('()')", "is_valid('((')", "is_valid(')(')", "is_valid('')", "is_valid('(()')",
    "is_valid('(())')"),
    _classic('''
from heapq import heapify, heappop, heappush


def almost_sorted(arr, k):
    heap = arr[:k]
    heapify(heap)
    for x in arr[k:]:
        heappush(heap, x)
        yield heappop(heap)
    while heap:
        yield heappop(heap)
''', "for x in arr[k:]", "for x in arr", "list(almost_sorted([3, 2, 1, 5, 4], 2))", "list(almost_sorted([1], 1))",
    "list(almost_sorted([2, 1, 3], 1))", "list(almost_sorted([], 2))", "list(almost_sorted([5, 4], 1))",
    "list(almost_sorted([1, 3, 2, 4], 3))"),
    _classic('''
def common_length(s, t):
    table = {}
    best = 0
    for i in range(len(s)):
        for j in range(len(t)):
            if s[i] == t[j]:
                table[i, j] = table.get((i - 1, j - 1), 0) + 1
                best = max(best, table[i, j])
    return best
''', "(i - 1, j - 1)", "(i - 1, j)", "common_length('witch', 'which')", "common_length('meow', 'homeowner')",
    "common_length('fun', '')", "common_length('abcx', 'abcy')", "common_length('aa', 'aaa')", "common_length('xyxy', 'yx')"),
    _classic('''
def longest_rise(arr):
    ends = {}
    longest = 0
    for i, value in enumerate(arr):
        lengths = [j for j in range(1, longest + 1) if arr[ends[j]] < value]
        length = max(lengths) if lengths else 0
        if length == longest or value < arr[ends[length + 1]]:
            ends[length + 1] = i
            longest = max(longest, length + 1)
    return longest
''', "longest = max(longest, length + 1)", "longest = length + 1", "longest_rise([4, 1, 5, 3, 7, 6, 2])", "longest_rise([])",
    "longest_rise([3, 1])", "longest_rise([5, 1, 3, 4, 7])", "longest_rise([1, 2, 0])", "longest_rise([2, 4, 1, 3])"),
    _classic('''
def ordered(nodes, before):
    done = []
    while len(done) < len(nodes):
        for node in nodes:
            if node not in done and set(before.get(node, [])) <= set(done):
                done.append(node)
                break
        else:
            return None
    return done
''', "set(before.get(node, [])) <= set(done)", "set(before.get(node, [])) < set(done)",
    "ordered(['a', 'b'], {'a': ['b']})", "ordered([], {})", "ordered(['a'], {})", "ordered(['x', 'y'], {})",
    "ordered(['a', 'b'], {'a': ['b'], 'b': ['a']})", "ordered(['c', 'b', 'a'], {'c': ['b'], 'b': ['a']})"),
    _classic('''
def all_pairs(n, lengths):
    paths = {(i, j): 0 if i == j else lengths.get((i, j), float("inf")) for i in range(n) for j in range(n)}
    for k in range(n):
        for i in range(n):
            for j in range(n):
                paths[i, j] = min(paths[i, j], paths[i, k] + paths[k, j])
    return paths
''', "paths[i, k] + paths[k, j]", "paths[i, k] + paths[j, k]", "all_pairs(3, {(0, 1): 3, (1, 2): 2})",
    "all_pairs(1, {})", "all_pairs(2, {(0, 1): 4})", "all_pairs(3, {(0, 2): 9, (0, 1): 1, (1, 2): 1})",
    "all_pairs(2, {(0, 1): 1, (1, 0): 2})", "all_pairs(3, {(2, 0): 5, (0, 1): 1})"),
    _classic('''
def collect(item, seen=None):
    if seen is None:
        seen = []
    seen.append(item)
    return seen
''', "seen=None):\n    if seen is None:\n        seen = []\n", "seen=[]):\n", "(collect(1), collect(2))[1]", "collect(3)",
    "collect(2, [1])", "(collect('a'), collect('b'))[1]", "collect(4)", "collect(1, [9, 8])"),
    _classic('''
def mean(numbers):
    if not numbers:
        return 0
    return sum(numbers) / len(numbers)
''', "    if not numbers:\n        return 0\n", "", "mean([])", "mean([2, 4])", "mean([1])", "mean([0])", "mean([5, 6])",
    "mean([-1, 1])"),
    _classic('''
def count_words(text):
    counts = {}
    for word in text.split():
        word = word.lower()
        counts[word] = counts.get(word, 0) + 1
    return counts
''', "counts.get(word, 0)", "counts[word]", "count_words('a A b')", "count_words('')", "count_words('x')",
    "count_words('To be or not to be')", "count_words('y y Y')", "count_words('q r')"),
    _classic('''
def without(items, unwanted):
    for item in list(items):
        if item == unwanted:
            items.remove(item)
    return items
''', "in list(items)", "in items", "without([1, 1, 2], 1)", "without([], 3)", "without([3, 3, 3], 3)", "without([1, 2], 2)",
    "without([5, 5, 5, 5], 5)", "without([1, 1], 2)"),
    _classic('''
def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
''', "return a", "return b", "fibonacci(0)", "fibonacci(1)", "fibonacci(6)", "fibonacci(2)", "fibonacci(10)", "fibonacci(3)"),
    _classic('''
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
''', "and (year", "or (year", "is_leap(2000)", "is_leap(1900)", "is_leap(2023)", "is_leap(2024)", "is_leap(2100)", "is_leap(2019)"),
    _classic('''
def transpose(matrix):
    rows = []
    for column in range(len(matrix[0])):
        rows.append([row[column] for row in matrix])
    return rows
''', "range(len(matrix[0]))", "range(len(matrix))", "transpose([[1, 2, 3], [4, 5, 6]])", "transpose([[1]])",
    "transpose([[1, 2]])", "transpose([[1], [2], [3]])", "transpose([[1, 2], [3, 4]])", "transpose([['a', 'b', 'c', 'd']])"),
    _classic('''
def second_largest(numbers):
    first = second = None
    for number in numbers:
        if first is None or number > first:
            second = first
            first = number
        elif second is None or number > second:
            second = number
    return second
''', "            second = first\n", "", "second_largest([1, 2, 3])", "second_largest([3, 2, 1])", "second_largest([5])",
    "second_largest([1, 9, 4, 10])", "second_largest([])", "second_largest([2, 7])"),
    _classic('''
def run_lengths(text):
    runs = []
    for letter in text:
        if runs and runs[-1][0] == letter:
            runs[-1][1] += 1
        else:
            runs.append([letter, 1])
    return runs
''', "runs[-1][0] == letter", "runs[0][0] == letter", "run_lengths('aab')", "run_lengths('')", "run_lengths('abba')",
    "run_lengths('aaa')", "run_lengths('abbba')", "run_lengths('xyz')"),
    _classic('''
def rotate(items, k):
    if not items:
        return []
    k = k % len(items)
    return items[-k:] + items[:-k] if k else list(items)
''', "items[-k:] + items[:-k]", "items[k:] + items[:-k]", "rotate([1, 2, 3], 1)", "rotate([], 2)", "rotate([1, 2, 3, 4], 3)",
    "rotate([5, 6], 2)", "rotate([1, 2, 3, 4, 5], 2)", "rotate(['a', 'b', 'c'], 4)"),
    _classic('''
def balanced(text):
    pairs = {")": "(", "]": "[", "}": "{"}
    stack = []
    for letter in text:
        if letter in pairs.values():
            stack.append(letter)
        elif letter in pairs:
            if not stack or stack.pop() != pairs[letter]:
                return False
    return not stack
''', "return not stack", "return stack", "balanced('()')", "balanced('(]')", "balanced('[')", "balanced('{[]}')", "balanced('')",
    "balanced('(()')"),
    _classic('''
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
''', "        steps += 1\n", "", "collatz(1)", "collatz(6)", "collatz(7)", "collatz(2)", "collatz(10)", "collatz(27)"),
    _classic('''
def caesar(text, shift):
    result = ""
    for letter in text:
        if letter.isalpha():
            base = ord("A") if letter.isupper() else ord("a")
            letter = chr((ord(letter) - base + shift) % 26 + base)
        result += letter
    return result
''', "letter.isupper()", "letter.islower()", "caesar('abc', 1)", "caesar('Xyz!', 3)", "caesar('', 5)", "caesar('Hello', 13)",
    "caesar('zZ', 1)", "caesar('a-b', 25)"),
]  # fmt: skip
