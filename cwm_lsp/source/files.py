"""Reading a source file the way Python does, and writing it. The only I/O of this package."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

from ..errors import UserError


def read_source(path: str | Path) -> str:
    r"""The text of a Python file: its byte order mark and PEP 263 cookie honoured, newlines as `\n`.

    Raises `UserError` for what is not a readable text file.
    """
    file = Path(path)
    try:
        if file.exists() and not file.is_file():
            kind = "a directory" if file.is_dir() else "not a regular file"
            raise UserError(f"{path} is {kind}; name a Python file")
        data = file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"{path} cannot be read: {reason}; check the path and its permissions") from None
    encoding = "utf-8"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not {encoding} (byte 0x{data[error.start]:02x} on line {line}); "
            "save it as UTF-8 or declare its encoding on the first line, as in '# -*- coding: latin-1 -*-'"
        ) from None
    except (SyntaxError, LookupError) as error:
        # `detect_encoding` reports bytes that are not UTF-8 on the first two lines as a missing declaration.
        reason = str(error).split(" for ")[0]
        raise UserError(f"{path}: {reason}; save the file as UTF-8 or declare its encoding on the first line") from None
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)


def write_source(path: str | Path, text: str, before: str) -> None:
    """Put a text in place of `before` in a Python file, in the encoding and with the newlines that the file has.

    Raises `UserError` where the file is another one by now, or cannot be written.
    """
    file = Path(path)
    if read_source(file) != before:
        raise UserError(f"{path} has changed in the meantime; nothing was written, try again")
    data = file.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    newline = "\r\n" if b"\r\n" in data else "\n"
    try:
        file.write_bytes(text.replace("\n", newline).encode(encoding))
    except (OSError, UnicodeEncodeError) as error:
        raise UserError(f"{path} cannot be written: {error}; check its permissions") from None
