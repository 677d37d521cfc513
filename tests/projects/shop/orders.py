"""Orders, priced."""

from prices import price_of


def order_total(order: list[tuple[str, int]], *, member: bool = False) -> float:
    total = 0.0
    for name, count in order:
        total += price_of(name, member=member) * count
    return round(total, 2)


def largest(orders: list[list[tuple[str, int]]]) -> float:
    return max(order_total(order) for order in orders)
