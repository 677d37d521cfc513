"""Price an order. The example of `cwm-lsp demo`: predicted first, then run, then compared."""

from zlib import crc32

PRICES = {"tea": 4, "mug": 9, "pot": 25}


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
    # Free shipping is on trial for half of the customers. Who is in is a checksum: only running it can tell.
    group = crc32(customer.encode()) % 10
    shipping = 6
    if group < 5:
        shipping = 0
    return total + shipping
