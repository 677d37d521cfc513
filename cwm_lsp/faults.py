"""What a person is told of what they cannot mend: a machine that has run out of something, a fault of ours."""

from __future__ import annotations

import errno
import sys

from cwm_lsp import __version__


def run_out(error: Exception) -> str | None:
    """What to tell where the machine has no more of something."""
    scarce = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    if isinstance(error, MemoryError):
        return "there is not enough memory; end other programs, or choose a smaller model"
    if not isinstance(error, OSError) or error.errno not in scarce:
        return None
    where = f" ({error.filename})" if error.filename else ""
    return f"this machine refuses: {error.strerror}{where}; free some of it, and try again"


def fault() -> str:
    """Log the exception being handled; tells where."""
    import logging

    from platformdirs import user_log_path

    logging.raiseExceptions = False  # no stack trace where the log cannot be written
    log = logging.getLogger("cwm_lsp.faults")
    log.propagate = False
    try:
        path = user_log_path("cwm-lsp", ensure_exists=True) / "faults.log"
        log.addHandler(logging.FileHandler(path, encoding="utf-8"))
    except OSError as error:
        return f"this is a fault of cwm-lsp ({error.__context__!r}), and its log cannot be written: {error.strerror}"
    log.exception("cwm-lsp %s: %s", __version__, sys.argv)
    return f"this is a fault of cwm-lsp, and its details are in {path}"
