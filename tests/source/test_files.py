import os

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.source.files import read_source


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 'a'\n", "x = 'a'\n"),
        ("x = 'é'".encode(), "x = 'é'"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'", None),
        (b"a = 1\r\nb = 2\rc = 3\n", "a = 1\nb = 2\nc = 3\n"),
        (b"\xef\xbb\xbf# coding: utf-8\nx", "# coding: utf-8\nx"),
        (b"a\x0cb\x00c", "a\x0cb\x00c"),
    ],
)
def test_reads_what_python_reads(tmp_path, data, text):
    file = tmp_path / "m.py"
    file.write_bytes(data)
    assert read_source(file) == (text if text is not None else data.decode("cp1252"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1\ny = 2\nz = '\xe9'\n", "m.py is not utf-8 (byte 0xe9 on line 3); save it as UTF-8 or declare"),
        (b"x = '\xe9'\n", "m.py: invalid or missing encoding declaration; save the file as UTF-8 or declare"),
        (b"# coding: nonsense\n", "m.py: unknown encoding: nonsense; save the file as UTF-8 or declare"),
        (b"# coding: hex\n", "m.py: 'hex' is not a text encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "m.py: encoding problem"),
        (b"\x7fELF\x80\x81" * 100, "m.py"),
    ],
)
def test_other_bytes_are_told_in_one_line(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_bytes(data)
    with pytest.raises(UserError) as error:
        read_source("m.py")
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(UserError, match=r"does not exist; check the path$"):
        read_source(tmp_path / "missing.py")
    with pytest.raises(UserError, match=r"is a directory; name a Python file$"):
        read_source(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read"):
        read_source("a\0b")
    (tmp_path / "m.py").write_text("")
    with pytest.raises(UserError, match=r"cannot be read: Not a directory"):
        read_source(tmp_path / "m.py" / "n.py")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"is not a regular file"):
        read_source(tmp_path / "pipe")
