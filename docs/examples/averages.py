"""A moving average, as a function over a list and as a class fed one value at a time."""


def moving_average(values, width=3):
    """The mean of each window of `width` neighbouring values.

    >>> moving_average([3, 5, 10, 6])
    [6.0, 7.0]
    >>> moving_average([1, 2], width=4)
    []
    """
    means = []
    for start in range(len(values) - width + 1):
        window = values[start : start + width]
        mean = sum(window) / width
        means.append(round(mean, 2))
    return means


class Average:
    """The mean of the last `width` values.

    >>> average = Average(2)
    >>> average.add(4)
    4.0
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.values: list[float] = []

    def add(self, value: float) -> float:
        self.values.append(value)
        if len(self.values) > self.width:
            self.values.pop(0)
        return sum(self.values) / len(self.values)
