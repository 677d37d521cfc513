"""An invoice with volume discounts, and a bug: ten pieces should already be cheaper."""


def unit_price(price, quantity):
    """The price of one piece, in cents: 10 % off from ten pieces, 20 % off from a hundred.

    >>> unit_price(500, 3)
    500
    >>> unit_price(500, 10)
    450
    """
    if quantity > 100:
        return price * 80 // 100
    if quantity > 10:
        return price * 90 // 100
    return price


def invoice(lines, paid=0):
    """What is still to be paid, in cents.

    >>> invoice([("nail", 50, 40), ("saw", 1250, 1)])
    3050
    >>> invoice([("nail", 50, 4)], paid=20)
    180
    """
    due = -paid
    for name, price, quantity in lines:
        amount = unit_price(price, quantity) * quantity
        due += amount
    return max(due, 0)
