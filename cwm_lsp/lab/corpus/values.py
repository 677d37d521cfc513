"""Random values and names that look like those of everyday Python."""

# ruff: noqa: SIM905

from __future__ import annotations

import string
from random import Random
from typing import Any

WORDS = """apple banana cherry date elder fig grape lemon mango olive peach pear plum red green blue black white gold
cat dog bird fish horse mouse tiger lion bear wolf sun moon star sky rain snow wind fire water stone tree leaf root
hello world foo bar baz spam egg ham data code test user admin guest name list item key value node path file line
word text note page book title author date time day month year week hour north south east west left right up down
open close start stop run walk read write send load save get set add sub mul div min max sum avg low high mid
alice bob carol dave erin frank grace heidi ivan judy mallory oscar peggy sam tom paris london tokyo rome oslo lima
one two three four five six seven eight nine ten yes no true false none ok error warning info debug fatal
active""".split()

# Names of variables and parameters by the type they usually hold.
NAMES: dict[str, list[str]] = {
    "int": "n k x y z a b c i j m count total size limit value num start end step index width height depth offset "
    "level score amount price age target low high rank base result acc left right first second number".split(),
    "str": "s t text word name key line prefix suffix label title token path msg char string sep letter part "
    "chunk field sentence code tag left right sub value data".split(),
    "bool": "found flag ok done valid seen ready is_valid changed matched reverse strict active".split(),
    "float": "ratio rate mean weight price score x y scale average factor".split(),
    "list_int": "nums numbers values items arr lst data xs ys scores row sizes prices array seq result out output "
    "res a b".split(),
    "list_str": "words names parts lines tokens items keys labels strings texts fields result out lst tags".split(),
    "dict_int": "counts d table mapping scores data index freq totals prices dic result ages stock cache".split(),
    "dict_str": "d mapping names table config headers options data env labels result params".split(),
    "tuple_int": "pair point t coords bounds span key".split(),
    "set_int": "seen unique visited s ids found".split(),
    "nested": "matrix grid rows table groups data pairs records".split(),
}

FUNCTIONS = """f g process compute transform update build collect convert find count filter_items merge split_text
normalize parse check validate summarize group select extract apply encode decode format_name clean combine
get_total get_value make_table scan search sort_items reverse replace_all count_words find_index""".split()


def integer(r: Random) -> int:
    """Mostly small, sometimes large or negative."""
    pick = r.random()
    if pick < 0.55:
        return r.randint(0, 9)
    if pick < 0.80:
        return r.randint(10, 99)
    if pick < 0.92:
        return -r.randint(1, 20)
    return r.randint(100, 9999)


def text(r: Random) -> str:
    """A word, a few words, random letters, digits or punctuated pieces."""
    pick = r.random()
    if pick < 0.40:
        return r.choice(WORDS)
    if pick < 0.60:
        return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randint(0, 7)))
    if pick < 0.70:
        return " ".join(r.choice(WORDS) for _ in range(r.randint(2, 3)))
    if pick < 0.78:
        return "".join(r.choice(string.ascii_letters + string.digits) for _ in range(r.randint(2, 8)))
    if pick < 0.86:
        return str(r.randint(0, 9999))
    if pick < 0.93:
        return r.choice(",-_:/.|").join(r.choice(WORDS) for _ in range(r.randint(2, 3)))
    word = r.choice(WORDS)
    return r.choice([word.title(), word.upper(), " " + word + " ", word + "!", word + str(r.randint(0, 9)), word[::-1]])


def of_type(r: Random, kind: str, longest: int = 5) -> Any:
    """A value of one of the kinds of `NAMES`."""
    size = r.randint(0, longest) if r.random() < 0.3 else r.randint(2, longest)
    if kind == "int":
        return integer(r)
    if kind == "str":
        return text(r)
    if kind == "bool":
        return r.random() < 0.5
    if kind == "float":
        return r.choice([0.5, 1.5, 2.0, 0.25, 3.75, 10.0, 0.1, 2.5, 1.0, r.randint(0, 99) / 10])
    if kind == "list_int":
        return [integer(r) for _ in range(size)]
    if kind == "list_str":
        return [text(r) for _ in range(min(size, 4))]
    if kind == "dict_int":
        return {r.choice(WORDS): integer(r) for _ in range(min(size, 3))}
    if kind == "dict_str":
        return {r.choice(WORDS): text(r) for _ in range(min(size, 3))}
    if kind == "tuple_int":
        return tuple(integer(r) for _ in range(r.randint(2, 3)))
    if kind == "set_int":
        return {r.randint(0, 9) for _ in range(min(size, 3))}
    if kind == "nested":
        return [[r.randint(0, 9) for _ in range(r.randint(1, 3))] for _ in range(r.randint(1, 3))]
    raise ValueError(kind)
