"""Faults on purpose: `python benchmarks/faults.py [--minutes 30] [--seed N] [KIND …]`.

Processes are killed at random moments, disks are full, stores are damaged or cannot be written, clocks jump, streams
are closed, files run out. After each fault: nothing hangs, no process is left, stores can be read, no stack trace was
shown. Exit code 1 where one of these did not hold. What is measured is on Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

SOURCE = '''\
import time


def total(xs):
    """
    >>> total([1, 2, 3])
    6
    """
    result = 0
    for x in xs:
        result += x
    return result


def slow(n):
    """
    >>> slow(30)
    30
    """
    for i in range(n):
        time.sleep(0.01)
    return n


assert total([4, 5]) == 9
'''
PROMPT = 60.0
"""Seconds that anything may take on a busy machine."""
QUICK = 5.0
"""Seconds after which whatever had to end counts as one that hangs."""
JUMPING = "import random, time\n_time = time.time\ntime.time = lambda: _time() + random.choice((0, 86400, -86400))\n"


class Broken(Exception):
    """What must hold did not."""


class Place:
    """A workspace, and a folder for what is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.program = self.folder / "app.py"
        self.program.write_text(SOURCE)
        (self.folder / "pyproject.toml").write_text("")
        self.state = folder / "state"
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.mark = f"cwm-faults-{random.getrandbits(64):x}"
        self.environment = {
            **os.environ, "XDG_STATE_HOME": str(self.state), "TMPDIR": str(self.scratch), "CWM_FAULTS": self.mark,
        }  # fmt: skip

    def command(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cwm_lsp", *arguments], cwd=self.folder, env=self.environment, text=True,
            stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """All that descend from what was started here, wherever they have gone."""
        found = []
        for process in psutil.process_iter(["status"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["status"] != psutil.STATUS_ZOMBIE and process.environ().get("CWM_FAULTS") == self.mark:
                    found.append(process)
        return found

    def rows(self) -> int:
        """How many traces the store has; each can be read."""
        lines = [line for path in self.state.rglob("*.jsonl") for line in path.read_bytes().splitlines() if line]
        whole = 0
        for line in lines:
            with contextlib.suppress(ValueError):
                whole += "trace" in json.loads(line)
        return whole


def finished(process: subprocess.Popen[str], seconds: float = PROMPT) -> tuple[int, str, str]:
    """The exit code and the output of a command that has to end."""
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Broken(f"{process.args[3:]} hangs") from None
    if "Traceback" in errors:
        raise Broken(f"a stack trace was shown: {errors[-2000:]}")
    return process.returncode, out or "", errors


def gone(place: Place) -> None:
    """Nothing of it is left."""
    until = time.monotonic() + QUICK
    while (left := place.processes()) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        told = [(process.pid, process.cmdline()[:4]) for process in left]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        raise Broken(f"processes are left: {told}")


def works(place: Place) -> None:
    """A run is recorded and kept, whatever was there before."""
    before = place.rows()
    code, out, errors = finished(place.command("record", "app.py:total", "--call", "total([1])"))
    if code != 0 or "returns 1" not in out:
        raise Broken(f"the next run fails: {code} {out[-500:]} {errors[-500:]}")
    if place.rows() <= min(before, 0):
        raise Broken("the next run is not kept")


# kinds of faults


def command_killed(place: Place, chance: random.Random) -> None:
    """`record` is killed, with whatever it started."""
    process = place.command("record", "app.py:slow", "--call", "slow(60)")
    time.sleep(chance.uniform(0, 2.5))
    process.kill()
    process.communicate()
    gone(place)
    works(place)


def debuggee_killed(place: Place, chance: random.Random) -> None:
    """One of the processes of a recording is killed."""
    process = place.command("record", "app.py:slow", "--call", "slow(60)")
    time.sleep(chance.uniform(0.2, 2.5))
    others = [one for one in place.processes() if one.pid != process.pid]
    if others:
        with contextlib.suppress(psutil.Error):
            chance.choice(others).kill()
    finished(process)
    gone(place)
    works(place)


def full_disk(place: Place, chance: random.Random) -> None:
    """Files cannot grow beyond a few bytes."""
    import resource

    most = chance.choice((0, 100, 1_000))
    process = place.command(
        "record", "app.py:total", "--call", "total([1])",
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
        ),
    )  # fmt: skip
    finished(process)
    gone(place)
    works(place)


def no_place_to_write(place: Place, chance: random.Random) -> None:
    """What is kept cannot be: a file is where its folder would be, or the folder is."""
    place.state.mkdir()
    where = place.state / "cwm-lsp"
    if chance.random() < 0.5:
        where.write_text("")
    else:
        (where / "traces").mkdir(parents=True)
        (where / "traces").chmod(0o500)
    code, out, _ = finished(place.command("record", "app.py:total", "--call", "total([1])"))
    if code != 0 or "returns 1" not in out:
        raise Broken("a run fails where it cannot be kept")
    finished(place.command("predict", "app.py:total"))
    finished(place.command("forget"))
    gone(place)


def damaged_store(place: Place, chance: random.Random) -> None:
    """The store's file has anything in it."""
    works(place)
    (path,) = place.state.rglob("*.jsonl")
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 30)):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    path.write_bytes(bytes(data) if chance.random() < 0.8 else chance.randbytes(5_000))
    code, out, _ = finished(place.command("predict", "app.py:total"))
    if code != 0 or "returns" not in out:
        raise Broken(f"nothing is predicted beside a damaged store: {code}")
    works(place)


def clock_jumps(place: Place, chance: random.Random) -> None:
    """Each look at the clock may be a day ahead or behind."""
    hooks = place.folder.parent / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(JUMPING)
    place.environment["PYTHONPATH"] = os.pathsep.join(
        [str(hooks), *filter(None, [place.environment.get("PYTHONPATH", "")])]
    )
    works(place)
    code, out, _ = finished(place.command("predict", "app.py:slow"))
    if code != 0:
        raise Broken(f"nothing is predicted while the clock jumps: {out[-500:]}")
    gone(place)


def closed_stdout(place: Place, chance: random.Random) -> None:
    """Nobody reads what is printed."""
    arguments = chance.choice((["predict", "app.py:total"], ["record", "app.py:total"], ["doctor"], ["verify", "."]))
    read, write = os.pipe()
    os.close(read)
    process = place.command(*arguments, stdout=write)
    os.close(write)
    finished(process)
    gone(place)


def no_more_files(place: Place, chance: random.Random) -> None:
    """Few files may be open."""
    import resource

    most = chance.randrange(8, 40)
    arguments = chance.choice((["predict", "app.py:total"], ["record", "app.py:total"]))
    finished(place.command(*arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))))
    gone(place)
    works(place)


def two_editors(place: Place, chance: random.Random) -> None:
    """Two record in one workspace at once."""
    calls = [f"total([{number}])" for number in range(6)]
    commands = [place.command("record", "app.py:total", "--call", call) for call in calls]
    for command in commands:
        finished(command)
    if place.rows() != len(calls):
        raise Broken(f"of {len(calls)} runs at once {place.rows()} are kept")
    gone(place)


def server_faults(place: Place, chance: random.Random) -> None:
    """Processes under a language server are killed while it works; then the server, or its editor goes."""
    asyncio.run(_server_faults(place, chance))


async def _server_faults(place: Place, chance: random.Random) -> None:
    from tests.lsp.conftest import QUICK as OPTIONS
    from tests.lsp.conftest import Editor, capabilities

    editor = Editor()
    await editor.start_io(sys.executable, "-m", "cwm_lsp", "serve", "--stdio", env=place.environment, cwd=place.folder)
    server = editor._server
    try:
        await editor.begin(capabilities("vscode_1.139"), place.folder, OPTIONS)
        uri = place.program.as_uri()
        editor.open(uri, SOURCE)
        for _ in range(chance.randrange(1, 4)):
            command = chance.choice(("cwm.predict", "cwm.predictThenRun"))
            name = chance.choice(("total", "slow"))
            asked = asyncio.ensure_future(editor.command(command, {"uri": uri, "function": name}, timeout=PROMPT))
            await asyncio.sleep(chance.uniform(0, 1.5))
            others = [one for one in place.processes() if one.pid != server.pid]
            if others:
                with contextlib.suppress(psutil.Error):
                    chance.choice(others).kill()
            try:
                await asked
            except asyncio.TimeoutError:
                raise Broken(f"{command} of {name} is not answered") from None
            except Exception as error:  # an answer that is an error is one
                if "fault" in str(error):
                    raise Broken(f"told as a fault: {error}") from error
        await editor.command("cwm.restartModel")
        answer = await editor.command("cwm.predict", {"uri": uri, "function": "total"}, timeout=PROMPT)
        if answer["state"] != "done":
            raise Broken(f"nothing is predicted any more: {answer}")
        asked = asyncio.ensure_future(editor.command("cwm.predictThenRun", {"uri": uri, "function": "slow"}))
        await asyncio.sleep(chance.uniform(0, 1.0))
        match chance.randrange(3):
            case 0:
                server.kill()
            case 1:
                server.stdin.close()
            case 2:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(editor.shutdown_async(None), PROMPT)
                editor.exit(None)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.wait(), QUICK)
        asked.cancel()
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody waits for it
        if server.returncode is None:
            raise Broken("the server does not end")
        if b"Traceback" in editor.stderr:
            raise Broken(f"a stack trace in the log: {editor.stderr[-2000:].decode()}")
    finally:
        if server.returncode is None:
            server.kill()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(editor.stop(), QUICK)
    gone(place)
    works(place)


def adapter_killed(place: Place, chance: random.Random) -> None:
    """A debug adapter is killed while it works, or its client goes."""
    from cwm_lsp.framing import framed

    process = subprocess.Popen(
        [sys.executable, "-m", "cwm_lsp", "dap"], cwd=place.folder, env=place.environment,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    launch = {"mode": "predict", "program": str(place.program), "function": "slow", "call": "slow(50)"}
    for number, (command, arguments) in enumerate(
        (("initialize", {"adapterID": "x"}), ("launch", launch), ("configurationDone", {})), 1
    ):
        process.stdin.write(framed({"seq": number, "type": "request", "command": command, "arguments": arguments}))
    process.stdin.flush()
    time.sleep(chance.uniform(0, 2.5))
    if chance.random() < 0.5:
        process.kill()
    process.stdin.close()
    try:
        process.wait(PROMPT / 3)  # it may still have been starting
    except subprocess.TimeoutExpired:
        process.kill()
        raise Broken("the adapter does not end with its client") from None
    gone(place)
    works(place)


KINDS: dict[str, Callable[[Place, random.Random], None]] = {
    kind.__name__.replace("_", "-"): kind
    for kind in (
        command_killed, debuggee_killed, full_disk, no_place_to_write, damaged_store, clock_jumps, closed_stdout,
        no_more_files, two_editors, server_faults, adapter_killed,
    )
}  # fmt: skip


def rounds(names: list[str], seed: int, until: float) -> Iterator[tuple[str, int, str | None]]:
    """The kind of each fault, its seed, and what broke; each kind at least once."""
    number = 0
    while number < len(names) or time.monotonic() < until:
        name = names[number % len(names)]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            place = Place(Path(folder))
            try:
                KINDS[name](place, random.Random(f"{seed} {number}"))
            except Broken as error:
                yield name, number, str(error)
            else:
                yield name, number, None
            finally:
                for process in place.processes():
                    with contextlib.suppress(psutil.Error):
                        process.kill()
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    done: dict[str, int] = {}
    broken = 0
    for name, number, fault in rounds(
        options.kinds or list(KINDS), options.seed, time.monotonic() + 60 * options.minutes
    ):
        done[name] = done.get(name, 0) + 1
        if fault is not None:
            broken += 1
            print(f"{name} (round {number}): {fault}", flush=True)
    for name, count in done.items():
        print(f"{name}: {count}")
    print(f"{sum(done.values())} faults, {broken} broke something")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
