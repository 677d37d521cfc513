"""Price an order. The example of `cwm-lsp demo`: predicted first, then run, then compared."""

from random import randrange

from catalogue import Item
from discounts import percent_off

LEDGER: dict[str, int] = {}


def order_total(items: list[Item], customer: str) -> int:
    """What the customer pays, shipping included.

    >>> order_total([Item("tea", 2), Item("pot", 2)], "ann")
    59
    """
    total = 0
    for item in items:
        total += item.price
    off = percent_off(total)
    total -= total * off // 100
    # Order numbers are drawn at random: what comes here can be guessed, but only running the call can tell.
    number = randrange(100_000)
    label = f"{customer}-{number}"
    LEDGER[label] = total + 6
    return LEDGER[label]
