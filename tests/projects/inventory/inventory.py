"""A stock of things, and the orders that change it."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field


@dataclass
class Item:
    sku: str
    price: int
    stock: int = 0


@dataclass
class Inventory:
    items: dict[str, Item] = field(default_factory=dict)
    journal: list[str] = field(default_factory=list)

    def add(self, item: Item) -> None:
        self.items[item.sku] = item

    def apply(self, entry: tuple[str, int]) -> int:
        sku, count = entry
        item = self.items[sku]
        if item.stock < count:
            raise ValueError(f"only {item.stock} of {sku} are left")
        item.stock -= count
        self.journal.append(f"{sku} -{count}")
        return item.price * count


def moving_means(values: list[float], window: int = 3) -> list[float]:
    """
    >>> moving_means([1.0, 2.0, 6.0, 7.0, 8.0])
    [3.0, 5.0]
    """
    means = []
    for start in range(len(values) - window + 1):
        part = values[start : start + window]
        means.append(sum(part) / window)
    return means


def fulfil(orders: list[tuple[str, int]]) -> int:
    """
    >>> fulfil([("POT", 3), ("MUG", 2), ("POT", 1)])
    88
    """
    inventory = Inventory()
    inventory.add(Item("POT", 18, stock=10))
    inventory.add(Item("MUG", 8, stock=5))
    total = 0
    for entry in orders:
        total += inventory.apply(entry)
    if total > 1000:
        total -= 50
    return total


def describe(person: dict[str, str] | None) -> str:
    """
    >>> describe({"name": "ann"})
    'ANN'
    >>> describe(None)
    'nobody'
    """
    name = person.get("name")
    return name.upper()


def lottery(names: list[str]) -> str:
    """
    >>> lottery(["ann", "bob", "eve"])
    'bob'
    """
    winner = random.choice(names)
    label = winner.title()
    if len(label) > 3:
        label = "a long name"
    return label


def report(totals: dict[str, int]) -> int:
    """
    >>> report({"ann": 88, "bob": 12})
    2
    """
    lines = 0
    for name, total in totals.items():
        print(f"{name}: {total}", file=sys.stderr)
        lines += 1
    return lines


def ask(name: str) -> int:
    """
    >>> ask("bob")  # doctest: +SKIP
    42
    """
    age = int(input(f"age of {name}? "))
    return age


def collatz(number: int) -> int:
    """
    >>> collatz(6)
    8
    """
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


if __name__ == "__main__":
    print(fulfil([("POT", 2)]))
