"""Functions with a line that only certain arguments reach (`# here`), by what has to be found for it."""

KINDS = {
    "scripts": """
import unicodedata
def f(s: str) -> bool:
    for c in s:
        if unicodedata.bidirectional(c) in ("R", "AL"):
            return True  # here
    return False
""",
    "codes of characters": """
def f(s: str) -> int:
    n = 0
    for c in s:
        if ord(c) > 0xFFFF:
            n += 2  # here
        else:
            n += 1
    return n
""",
    "numbers in what a pattern matches": """
import re
P = re.compile(r"^(\\d{4})-(\\d{2})-(\\d{2})T(\\d{2}):(\\d{2})$")
def f(s: str) -> int:
    m = P.match(s)
    if m:
        if int(m.group(2)) > 12:
            return 2  # here
        return 1
    return 0
""",
    "keys that are looked up": """
def f(d: dict[str, str]) -> int:
    kind = d.get("kind")
    if kind == "circle":
        return 1
    if kind == "rect" and d.get("colour", "").startswith("bl"):
        return 2  # here
    return 0
""",
    "texts that a conversion does not expect": """
def f(s: str) -> int:
    try:
        n = int(s)
    except ValueError:
        try:
            n = int(float(s))
        except OverflowError:
            return -1  # here
        except ValueError:
            return 0
    return n
""",
    "characters of a kind": """
def f(s: str) -> bool:
    if len(s) != 10:
        return False
    t = 0
    for i, c in enumerate(s):
        if c == "X" and i == 9:
            t += 10
        elif c.isdigit():
            t += int(c) * (10 - i)
        else:
            return False
    if t % 11 == 0:
        return True  # here
    return False
""",
    "parts of a text": """
def f(s: str) -> int:
    parts = s.split(".")
    if len(parts) != 4:
        return 0
    for p in parts:
        if not p.isdigit():
            return 1
        if int(p) > 255:
            return 2
    if parts[0] == "10":
        return 4
    return 3  # here
""",
    "insertions": """
def f(s: str) -> str:
    if "://" in s:
        scheme, rest = s.split("://", 1)
        if scheme not in ("http", "https"):
            return "bad"
        host, _, path = rest.partition("/")
        if ":" in host:
            host, port = host.split(":")
            if not port.isdigit():
                return "port"
            if int(port) == 8080:
                return "alt"  # here
        return host
    return ""
""",
    "between constants": """
def f(x: float) -> int:
    if x != x:
        return 0
    if 0.25 < x < 0.26:
        return 1  # here
    return 2
""",
    "objects within objects": """
from dataclasses import dataclass, field
@dataclass
class Item:
    name: str
    price: float
    qty: int = 1
@dataclass
class Order:
    items: list[Item] = field(default_factory=list)
    code: str = ""
def f(o: Order) -> float:
    t = sum(i.price * i.qty for i in o.items)
    if o.code == "VIP" and t > 100:
        return t * 0.8  # here
    return t
""",
    "methods that ask": """
def f(line: str) -> int:
    line = line.strip()
    if line.startswith("#"):
        return 0
    if line.lower().startswith("select ") and " from " in line.lower():
        if line.rstrip().endswith(";"):
            return 1  # here
    return 2
""",
    "slices": """
def f(b: bytes) -> int:
    if b[:4] == b"RIFF" and b[8:12] == b"WAVE":
        return 1  # here
    return 0
""",
    "several elements": """
def f(ps: list[tuple[str, int]]) -> int:
    t = 0
    for name, n in ps:
        if name == "total" and n < 0:
            continue
        if n > 50:
            t += n
            if t > 200:
                return t  # here
    return t
""",
    "words in order": """
def f(cmds: list[str]) -> int:
    state = "idle"
    n = 0
    for c in cmds:
        if state == "idle" and c == "start":
            state = "run"
        elif state == "run" and c == "pause":
            state = "paused"
        elif state == "paused" and c == "resume":
            state = "run"
            n += 1
        elif c == "stop":
            if state == "run" and n > 0:
                return n  # here
            state = "idle"
    return 0
""",
    "branches by type": """
def f(x: "int | str | list[int] | None") -> int:
    if isinstance(x, list):
        if len(x) == 3 and x[0] == x[2] != x[1]:
            return 1  # here
    return 0
""",
}
