"""Functions with a line that only certain objects reach (`# here`), by what they take."""

OBJECTS = {
    "arguments of a parser": """
import argparse
def parser():
    made = argparse.ArgumentParser()
    made.add_argument("--mode", choices=["fast", "slow"], default="fast")
    made.add_argument("--count", type=int, default=3)
    made.add_argument("--verbose", action="store_true")
    return made
def f(args: argparse.Namespace) -> int:
    if args.verbose and args.mode == "slow" and args.count > 10:
        return 1  # here
    return 0
""",
    "fields that are read": """
def f(args):
    if args.mode == "slow" and args.count > 10:
        return 1  # here
    return 0
""",
    "linked objects": """
def f(head):
    n = 0
    while head:
        n += 1
        if head.val == 7 and n > 1:
            return n  # here
        head = head.next
    return 0
""",
    "a file of text": """
from typing import TextIO
def f(lines: TextIO) -> int:
    for line in lines:
        if "=" in line and line.split("=", 1)[0] == "mode":
            return 1  # here
    return 0
""",
    "a file of bytes": """
from typing import IO
def f(file: IO[bytes]) -> int:
    if file.read(4) == b"\\x89PNG":
        return 1  # here
    return 0
""",
    "a file without a hint": """
def f(fp):
    if fp.readline().startswith("GIF"):
        return 1  # here
    return 0
""",
    "a function without a hint": """
def f(func, xs):
    found = []
    for x in xs:
        if func(x):
            found.append(x)  # here
    return found
""",
    "a class of a module by another name": """
import datetime as dt
def f(day: dt.datetime) -> int:
    if day.weekday() == 6 and day.month == 12:
        return 1  # here
    return 0
""",
    "a time zone": """
from datetime import datetime
def f(day: datetime) -> int:
    if day.tzinfo is not None:
        return 1  # here
    return 0
""",
    "a path": """
from pathlib import Path
def f(path: Path) -> int:
    if path.suffix == ".toml":
        return 1  # here
    return 0
""",
    "rows with what is read of them": """
from typing import Any
def f(config: dict[str, Any]) -> int:
    for server in config["servers"]:
        if server["port"] == 443:
            for host in server["hosts"]:
                if host.endswith(".org"):
                    return 1  # here
    return 0
""",
    "JSON": """
import json
def f(text: str) -> int:
    data = json.loads(text)
    if isinstance(data, dict) and data.get("type") == "error" and data["code"] == 77:
        return 1  # here
    return 0
""",
    "numbers in bytes": """
def f(data: bytes) -> int:
    if len(data) >= 4 and int.from_bytes(data[:4], "big") == 0xCAFEBABE:
        return 1  # here
    return 0
""",
    "what is asked of anything": """
from decimal import Decimal
def f(x):
    if isinstance(x, dict):
        return 1
    if isinstance(x, Decimal):
        return 2  # here
    return 0
""",
    "a protocol": """
from typing import Protocol
class Shape(Protocol):
    def area(self) -> float: ...
class Square:
    def __init__(self, a: float) -> None:
        self.a = a
    def area(self) -> float:
        return self.a * self.a
def f(shape: Shape) -> int:
    if shape.area() > 50:
        return 1  # here
    return 0
""",
    "a list in an object": """
from dataclasses import dataclass, field
@dataclass
class Item:
    price: float
    tags: list[str] = field(default_factory=list)
def f(item: Item) -> int:
    if item.price > 100 and "sale" in item.tags:
        return 2  # here
    return 0
""",
    "keywords": """
def f(**kwargs):
    if "debug" in kwargs:
        return 1  # here
    return 0
""",
}
