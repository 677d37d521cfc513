"""What is sold, and for how much."""

import json
from dataclasses import dataclass
from pathlib import Path

PRICES = json.loads(Path(__file__).with_name("prices.json").read_text())


@dataclass
class Item:
    name: str
    count: int = 1

    @property
    def price(self) -> int:
        """Three or more of a kind are cheaper.

        >>> Item("mug", 3).price
        24
        """
        each = PRICES[self.name]
        if self.count >= 3:
            each -= 1
        return each * self.count
