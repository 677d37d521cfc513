"""The errors that a user can mend, told in one line.

Everything else that is raised is a fault of ours and keeps its stack trace (in the log, never at the user).
"""


class UserError(Exception):
    """Bad input or usage: the message names the cause and what to do about it. Exit code 2."""


class UnavailableError(Exception):
    """The model or the debuggee could not be run: the message says why and what to do. Exit code 3."""


class Cancelled(Exception):
    """The work was cancelled by its owner; nothing is to be reported."""
