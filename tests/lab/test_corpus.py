from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

from cwm_lsp.lab.corpus import child, collect, disjoint, stream
from cwm_lsp.lab.corpus.idioms import TEMPLATES, idiom
from cwm_lsp.lab.corpus.programs import Program, program, straight_line
from cwm_lsp.trace import wire


def ending(text: str) -> str:
    """The VALUE of the last EXCEPTION if the call crashed, else of the last RETURN."""
    frames = text.split(wire.FRAME_SEP)
    return json.loads(frames[-3 if stream.crashes(text) else -2].split(wire.ARG_SEP)[1])


@pytest.mark.parametrize("make", [straight_line, lambda r: program(r, r.randint(1, 6)), idiom])
def test_documents_end_as_the_program_really_does(make) -> None:
    r = Random(5)
    checked = 0
    while checked < 60:
        made = make(r)
        text = stream.traced(made, 40)
        if text is None:
            continue
        checked += 1
        namespace: dict[str, object] = {}
        exec(made.source, namespace)
        try:
            value = repr(eval(made.call, namespace))
        except Exception as error:
            assert stream.crashes(text)
            assert ending(text).startswith(f"({type(error)!r}, ")
            assert ending(text).endswith(", <traceback object>)")
        else:
            if not made.call.startswith("list("):  # a generator's trace ends before the list is made
                assert ending(text) == re.sub(r" at 0x\w+", "", value)


def test_every_template_compiles_and_runs() -> None:
    r = Random(1)
    seen = set()
    while len(seen) < len(TEMPLATES):
        made = idiom(r)
        seen.add(re.sub(r"\W|\w", "", made.source) or made.source.count("\n") * 1000 + len(seen))
        namespace: dict[str, object] = {}
        exec(made.source, namespace)
        compile(made.call, "call", "eval")


def test_the_stream_is_reproducible_and_varied() -> None:
    texts = [stream.document(f"1/0/{i}", "mix") for i in range(150)]
    assert texts == [stream.document(f"1/0/{i}", "mix") for i in range(150)]
    assert len(set(texts)) == len(texts)
    assert sum(map(stream.crashes, texts)) >= 0.2 * len(texts)


def test_a_wrapped_call_is_traced_from_its_main() -> None:
    made = Program("def f(a):\n    return a + 1\n", "f", "f(2)")
    text = stream.traced(stream.wrap(made), 20)
    assert text is not None
    assert text.startswith(f"{wire.BEGIN_OF_TEXT}{wire.TRACE_CONTEXT_START}\ndef f(a):\n")
    assert "def main():  # << START_OF_TRACE\n    return f(2)\n" in text
    assert f'{wire.CALL_SEP}{{"a": "2"}}' in text


def test_a_copied_function_is_found_and_another_is_not() -> None:
    body = "    output = []\n    for n in nums:\n        output.append((nums.count(n), n))\n    return output\n"
    measured = "def f(nums):\n" + body
    index = disjoint.Index([measured])
    method = "    def f(nums):\n" + '        """Doc."""\n' + "".join(f"    {line}\n" for line in body.splitlines())
    assert index.copied("class A:\n" + method)
    other = "def g(words):\n    total = 0\n    for w in words:\n        total += len(w)\n    return total * 2\n"
    assert not index.copied(other)


def test_generated_programs_do_not_overlap_with_what_is_measured() -> None:
    path = Path(__file__).parents[3] / "shared" / "data" / "cruxeval.jsonl"
    if not path.exists():
        pytest.skip("no ../shared/data")
    index = disjoint.Index(disjoint.measured(path))
    assert not [p for i in range(200) if index.copied(p := disjoint.program_of(stream.document(f"1/0/{i}", "mix")))]


def test_doctests_are_harvested_and_what_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "packages" / "tinypkg"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").write_text(
        'def hang(n):\n    """\n    >>> hang(1)\n    """\n    while True:\n        pass\n\n\n'
        'def add(a, b=1):\n    """Sum.\n\n    >>> add(1, 2)\n    3\n    >>> add(b=5, a=-1)\n    4\n    """\n'
        "    total = a + b\n    return total\n\n\n"
        'def keep(n):\n    """\n    >>> keep(1)\n    """\n    open("kept", "w").close()\n    return n\n'
    )
    out = tmp_path / "out.jsonl"
    assert child.run_child(Path("packages"), "tinypkg", out, 30) >= 2
    texts = [json.loads(line)["text"] for line in out.read_text().splitlines()]
    assert not any(f"{wire.ACTION_SEP}def hang" in text for text in texts)
    first = texts[0]
    assert f'{wire.CALL_SEP}{{"a": "1", "b": "2"}}{wire.ACTION_SEP}def add(a, b=1):\n' in first
    assert f'{wire.ARG_SEP}"3"{wire.FRAME_SEP}{wire.END_OF_TEXT}' in first
    assert "def add(a, b=1):  # << START_OF_TRACE" in first
    assert any("def keep(n):  # << START_OF_TRACE" in text for text in texts)
    assert not Path("kept").exists()


def test_calls_are_seen_in_tests_and_doctests_of_other_functions(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "tinypkg"
    package.joinpath("tests").mkdir(parents=True)
    package.joinpath("__init__.py").write_text(
        "def inner(word, *more, upper=False):\n    word = word + ''.join(more)\n"
        "    return word.upper() if upper else word\n\n\n"
        'def outer(n):\n    """\n    >>> print(outer(2))\n    XY\n    """\n'
        '    return inner("x", "y" * (n - 1), upper=True)\n\n\n'
        "def opaque(thing):\n    return [thing]\n"
    )
    package.joinpath("tests", "__init__.py").write_text("")
    package.joinpath("tests", "test_tiny.py").write_text(
        "from tinypkg import inner, opaque\n\n\ndef test_inner():\n"
        "    assert inner('ab', 'c') == 'abc'\n    opaque(object())\n"
    )
    out = tmp_path / "out.jsonl"
    assert child.run_child(tmp_path / "packages", "tinypkg", out, 30, "seen") >= 2
    texts = [json.loads(line)["text"] for line in out.read_text().splitlines()]
    called = {text.partition(wire.CALL_SEP)[2].partition(wire.ACTION_SEP)[0] for text in texts}
    assert """{"word": "'ab'", "upper": "False", "more": "('c',)"}""" in called
    assert """{"word": "'x'", "upper": "True", "more": "('y',)"}""" in called
    assert '{"n": "2"}' in called
    assert not any("def opaque" in text.partition(wire.FRAME_SEP)[2] for text in texts)


def test_collected_functions_are_split_and_copies_of_what_is_measured_are_dropped(tmp_path: Path) -> None:
    def row(number: int, body: str) -> dict[str, str]:
        source = f"def f{number}(a):\n{body}    return a\n"
        made = stream.traced(Program(source, f"f{number}", f"f{number}(3)"), 40)
        assert made is not None
        return {"text": made, "function": f"{number:x}", "package": "p"}

    unlike = "".join(f"    a = a + {n} * {n + 7} - {n * 3}\n" for n in (1, 2, 3))
    copied = "    for i in range(3):\n        a += i * a - 7\n        a %= 91\n"
    rows = [row(n, unlike.replace("7", str(n * n + 50)).replace("- ", "-" * (n % 5) + "- ")) for n in range(1, 41)]
    parts = tmp_path / "parts" / "doctests"
    parts.mkdir(parents=True)
    parts.joinpath("p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in [*rows, row(1, copied)]) + '{"cut')
    measured = tmp_path / "measured.jsonl"
    measured.write_text(json.dumps({"code": f"def g(a):\n{copied}    return a\n"}) + "\n")
    counts = collect.collect(tmp_path, ["p"], tmp_path, [measured], 1)
    assert counts["documents"] == 41
    assert counts["overlapping"] == 1
    sets = {name: list(collect.read(tmp_path / f"{name}.jsonl")) for name in ("real", "calibration", "held-out")}
    assert [r["function"] for r in sets["held-out"]] == ["14", "28"]
    assert [r["function"] for r in sets["calibration"]] == ["a", "1e"]
    seen = disjoint.Index(disjoint.program_of(r["text"]) for r in sets["held-out"] + sets["calibration"])
    assert not any(seen.copied(disjoint.program_of(r["text"])) for r in sets["real"])
