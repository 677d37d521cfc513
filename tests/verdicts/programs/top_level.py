"""Examples that are not what they are inside of a function.

>>> x: int = 3
>>> x
3
>>> _
3
>>> f = lambda a: a
>>> f.__qualname__
'<lambda>'
>>> f(1, 2)
Traceback (most recent call last):
TypeError: <lambda>() takes 1 positional argument but 2 were given
>>> def g(a: nowhere): pass
>>> g.__annotations__
{'a': 'nowhere'}
>>> y: nowhere = 4
>>> y
4
"""

from __future__ import annotations


def sum(values):  # noqa: A001
    """Has the name of a builtin.

    >>> sum([1])
    'mine'
    >>> eval("sum([2])")
    'mine'
    >>> len('ab')
    2
    >>> _ + 1
    3
    """
    return "mine"


def total(values):
    """
    >>> 'total' in globals()
    True
    """


def no_code():
    """
    >>> return 5
    >>> 2
    2
    >>> yield 5
    >>> break
    >>> from __future__ import annotations
    """


def last():
    """
    >>> _ = 7
    >>> 3
    3
    >>> _
    7
    """
