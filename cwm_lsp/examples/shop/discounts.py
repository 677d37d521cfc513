"""Who pays less."""


def percent_off(total: int) -> int:
    """Large orders are cheaper.

    >>> percent_off(60)
    10
    """
    if total >= 50:
        return 10
    return 0
