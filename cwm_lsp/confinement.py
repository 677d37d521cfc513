"""What a process gives up for good, it and all that it starts, where the system has ways: Linux's Landlock and seccomp.

Standard library only, Python 3.8 and newer: it is also loaded beside the user's program. No call fails where the system
lacks a way; `Held` says what holds.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import NamedTuple, Sequence  # noqa: UP035  Python 3.8

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _SECCOMP = 444, 445, 446, {"x86_64": 317, "aarch64": 277}
_NO_NEW_PRIVILEGES = 38
_VERSION = 1
_BENEATH = 1  # a rule on what is beneath a folder
_EXECUTE, _WRITE_FILE, _REFER, _TRUNCATE, _IOCTL = 1 << 0, 1 << 1, 1 << 13, 1 << 14, 1 << 15
_CHANGE_FOLDERS = sum(1 << bit for bit in range(4, 13))  # removing, and making of each kind
_TCP = 0b11  # binding and connecting
_SIGNALS_AND_SOCKETS = 0b11  # to processes and abstract sockets of others
_THREAD = 0x10000  # CLONE_THREAD
_EPERM, _ENOSYS = 1, 38

# System calls by what they do: x86_64, and aarch64 where that has them.
_CALLS = {
    "network": ((41, 198), (42, 203), (49, 200), (50, 201), (43, 202), (288, 242), (425, 425)),  # socket … io_uring
    "programs": ((59, 221), (322, 281)),  # execve, execveat
    "attributes": (  # of files: Landlock leaves them
        (90, None), (91, 52), (268, 53), (452, 452), (92, None), (93, 55), (94, None), (260, 54), (132, None),
        (235, None), (261, None), (280, 88), (188, 5), (189, 6), (190, 7), (197, 14), (198, 15), (199, 16),
    ),
    "processes": ((57, None), (58, None), (62, 129), (101, 117), (310, 270), (311, 271)),  # fork … process_vm_writev
}  # fmt: skip
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000


_TELLING = ("writes nothing", "calls nobody", "starts nothing")


class Held(NamedTuple):
    """What a process cannot do any more."""

    write: bool
    """Make, change or remove files, outside of the folders that were named."""
    connect: bool
    """Use a network: with seccomp no sockets are made, with Landlock alone no TCP."""
    start: bool
    """Start programs or other processes."""

    def __str__(self) -> str:
        names = [name for name, held in zip(_TELLING, self) if held]  # noqa: B905  Python 3.8
        return ", ".join(names)


NOTHING = Held(write=False, connect=False, start=False)


def confine(folders: Sequence[str] = (), *, port: int | None = None, start: bool = False) -> Held:
    """Gives up writing outside of the folders, the network but for connecting to a TCP port (where Landlock can tell
    it apart: then `seal` closes the network), and, without `start`, starting programs and processes.

    Of the calling thread and those that it starts later: to be called while there is one.
    """
    if sys.platform != "linux":
        return NOTHING
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return NOTHING
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    landlocked = version > 0 and _landlock(libc, version, folders, port, start)
    sealed = port is None and seal(start=start)
    return Held(
        write=landlocked and version >= 3,  # before, files could still be cut off
        connect=sealed or (landlocked and version >= 4 and port is None),
        start=not start and (sealed or landlocked),
    )


def can_sandbox() -> bool:
    """Whether a process here can give up writing and, later, the network."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    return int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)) >= 3


def seal(*, start: bool = False) -> bool:
    """Gives up sockets, in all threads, and, without `start`, what starts programs and processes; whether it holds."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES or struct.calcsize("P") != 8:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    program = _filter(machine, start)
    lines = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(lines)))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    all_threads = 1
    return bool(libc.syscall(_SECCOMP[machine], 1, all_threads, header) == 0)


def _landlock(libc: ctypes.CDLL, version: int, folders: Sequence[str], port: int | None, start: bool) -> bool:
    files = _WRITE_FILE | _CHANGE_FOLDERS | (0 if start else _EXECUTE)
    files |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    network = _TCP if version >= 4 else 0
    scopes = _SIGNALS_AND_SOCKETS if version >= 6 else 0
    attributes = struct.pack("QQQ", files, network, scopes)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path in (*folders, os.devnull):
            here = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
            allowed = files & ~_EXECUTE if path in folders else _WRITE_FILE | (files & _TRUNCATE)
            try:
                if libc.syscall(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", allowed, here), 0):
                    return False
            finally:
                os.close(here)
        if network and port is not None and libc.syscall(_ADD_RULE, ruleset, 2, struct.pack("QQ", 2, port), 0):
            return False
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    except OSError:
        return False
    finally:
        os.close(ruleset)


def _filter(machine: str, start: bool) -> bytes:
    """A program for seccomp (classic BPF) that refuses calls with EPERM."""
    column = 0 if machine == "x86_64" else 1
    kinds = ["network", *([] if start else ["programs", "processes", "attributes"])]
    refused = [call[column] for kind in kinds for call in _CALLS[kind] if call[column] is not None]
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, absent = 0x7FFF0000, 0x00050000 | _EPERM, 0x00050000 | _ENOSYS

    def line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, value)

    def when(code: int, value: int, *then: bytes) -> bytes:
        return line(code, value, 0, len(then)) + b"".join(then)

    number = line(load, 0)
    program = line(load, 4) + line(equal, _ARCHITECTURES[machine], 1, 0) + line(give, refuse) + number
    if machine == "x86_64":
        program += when(at_least, _X32, line(give, refuse))
    for call in refused:
        program += when(equal, call or 0, line(give, refuse))
    if not start:
        program += when(equal, _CLONE3[column], line(give, absent))  # its flags cannot be looked at: clone is next
        first_argument = line(load, 16)
        program += when(equal, _CLONE[column], first_argument, line(bits, _THREAD, 1, 0), line(give, refuse), number)
    return program + line(give, allow)
