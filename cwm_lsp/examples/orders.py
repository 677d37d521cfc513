"""Price an order. The example that editors open; `cwm-lsp demo` has it as a project of several files."""

from random import randrange

PRICES = {"tea": 4, "mug": 9, "pot": 25}
LEDGER: dict[str, int] = {}


def percent_off(total: int) -> int:
    """Large orders are cheaper."""
    if total >= 50:
        return 10
    return 0


def order_total(items: list[tuple[str, int]], customer: str) -> int:
    """What the customer pays, shipping included.

    >>> order_total([("tea", 2), ("pot", 2)], "ann")
    59
    """
    total = 0
    for name, count in items:
        price = PRICES[name]
        if count >= 3:
            price -= 1
        total += price * count
    off = percent_off(total)
    total -= total * off // 100
    # Order numbers are drawn at random: what comes here can be guessed, but only running the call can tell.
    number = randrange(100_000)
    label = f"{customer}-{number}"
    LEDGER[label] = total + 6
    return LEDGER[label]
