"""A parser of `name,age,city` lines that crashes where the age is left empty."""


def parse_line(line):
    """One line as a dict.

    >>> parse_line("Ada, 36, London")
    {'name': 'Ada', 'age': 36, 'city': 'London'}
    """
    fields = [field.strip() for field in line.split(",")]
    name, age, city = fields
    return {"name": name, "age": int(age), "city": city}


def oldest(text):
    """The name of the oldest person, None if there is nobody.

    >>> oldest("Ada,36,London\\nAlan,41,Wilmslow")
    'Alan'
    """
    best = None
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        person = parse_line(line)
        if best is None or person["age"] > best["age"]:
            best = person
    return best and best["name"]


if __name__ == "__main__":
    print(oldest("Ada,36,London\nGrace,,New York"))
