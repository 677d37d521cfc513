"""A document's text under edits."""

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Edit, Text

PIECES = st.text(alphabet="a b(é😀\n\r\x0c", max_size=12)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def position(text: str, offset: int, encoding: str) -> lsp.Position:
    """The position of an offset that does not lie inside a `\\r\\n`."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    codec, size = UNITS[encoding]
    return lsp.Position(before.count("\n"), len(before.rpartition("\n")[2].encode(codec)) // size)


def valid(text: str, offset: int) -> int:
    return offset - 1 if text[offset - 1 : offset + 1] == "\r\n" else offset


@given(PIECES, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), PIECES), max_size=6), ENCODINGS)
def test_edits_do_what_they_do_to_a_plain_string(start, edits, encoding):
    plain, text = start, Text(start, encoding)
    for a, b, new in edits:
        a, b = sorted((valid(plain, min(a, len(plain))), valid(plain, min(b, len(plain)))))
        lines = len(text)
        edit = text.apply(
            lsp.TextDocumentContentChangePartial(
                range=lsp.Range(position(plain, a, encoding), position(plain, b, encoding)), text=new
            )
        )
        plain = plain[:a] + new + plain[b:]
        assert text.whole == plain.replace("\r\n", "\n").replace("\r", "\n")
        assert len(text) == text.whole.count("\n") + 1 == lines + edit.delta


def test_a_form_feed_does_not_end_a_line():
    text = Text("a\x0cb\nc\u2028d\n", "utf-16")
    assert len(text) == 3
    assert text.line(1) == "c\u2028d"


def test_positions_are_counted_in_the_agreed_units():
    line = "😀é = 1  "
    assert Text(line, "utf-8").end_of(0).character == 10
    assert Text(line, "utf-16").end_of(0).character == 7
    assert Text(line, "utf-32").end_of(0).character == 6
    assert Text(line, "utf-16").word_at(lsp.Position(0, 2)) == "é"


def test_positions_out_of_range_are_clipped():
    text = Text("ab\ncd", "utf-16")
    text.apply(lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(1, 99), lsp.Position(99, 99)), "!"))
    assert text.whole == "ab\ncd!"


def test_a_whole_change_tells_only_what_differs():
    text = Text("a\nb\nc\n", "utf-8")
    assert text.apply(lsp.TextDocumentContentChangeWholeDocument("a\nx\ny\nc\n")) == Edit(1, 1, 2)
    assert text.whole == "a\nx\ny\nc\n"
    assert text.apply(lsp.TextDocumentContentChangeWholeDocument("a\nx\ny\nc\n")).changes_nothing


def test_a_new_line_behind_another_leaves_that_alone():
    text = Text("a\nb\nc\n", "utf-8")
    spot = lsp.Position(1, 1)
    assert text.apply(lsp.TextDocumentContentChangePartial(lsp.Range(spot, spot), "\n")) == Edit(2, 1, 1)
