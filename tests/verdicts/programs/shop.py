"""A shop.

>>> total([1, 2])
3
"""

import warnings

REGISTER = []


def total(prices, discount=0):
    """What the prices come to.

    >>> total([10, 20])
    30
    >>> basket = [1]
    >>> total(basket)
    2
    >>> for price in basket: price
    1
    >>> total([10], discount=50)
    5.0
    >>> total(None)
    Traceback (most recent call last):
        ...
    TypeError: 'NoneType' object is not iterable
    >>> total(5)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    TypeError: of no interest
    >>> list(range(20))  # doctest: +ELLIPSIS
    [0, 1, ..., 19]
    >>> print('a   b')  # doctest: +NORMALIZE_WHITESPACE
    a b
    >>> print('a\\n\\nb')
    a
    <BLANKLINE>
    b
    >>> total([])
    >>> __import__('time').time() > 1
    True
    >>> 1 / 0  # doctest: +SKIP
    >>> total([1])
    1
    """
    amount = 0
    for price in prices:
        amount += price
    return amount * (100 - discount) / 100 if discount else amount


def register(item):
    if item is None:
        warnings.warn("nothing to register", DeprecationWarning, stacklevel=2)
    REGISTER.append(item)


class Till:
    """A till.

    >>> till = Till()
    >>> till.put(3)
    >>> till.money
    3
    >>> till
    Till(3)
    """

    def __init__(self):
        self.money = 0

    def __repr__(self):
        return f"Till({self.money})"

    def put(self, amount):
        if amount < 0:
            raise ValueError(f"{amount} is negative")
        self.money += amount
