"""What things cost."""

PRICES = {"tea": 4, "pot": 18, "mug": 8}


def price_of(name: str, *, member: bool = False) -> float:
    price = PRICES[name]
    if member:
        price *= 0.9
    return price
