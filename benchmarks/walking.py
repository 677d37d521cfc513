"""Predictions stepped through in Neovim with nvim-dap, from their first line to their end and back.

Usage: python benchmarks/walking.py CRUXEVAL.jsonl --nvim-dap FOLDER [--rows 100]
       python benchmarks/walking.py CRUXEVAL.jsonl --write ROWS.json [--rows 10]

Calls are those of CRUXEval's rows that can be computed. *Step into* has to stop at every `line` event of the trace, and
*step back*, which goes over calls, at every one of the called function. FOLDER is a checkout of nvim-dap. What --write
writes is stepped through in VS Code: `CWM_E2E_ROWS=ROWS.json bash editor-clients/vscode/e2e/run.sh e2e/rows.test.mjs`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pynvim  # type: ignore[import-not-found]

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.trace.events import Event
from tests.editor.conftest import PLUGIN, Neovim, nvim_program, search_path

EVENTS = 1000
"""Of a call, at most."""
WALK = """
local dap = require('dap')
local function next_of(session, body)
  if not session.stopped_thread_id or not session.current_frame then -- nvim-dap is not that far yet
    return vim.defer_fn(function() next_of(session, body) end, 1)
  end
  local walk, line = _G.walk, session.current_frame.line
  if walk.is_back then
    table.insert(walk.backward, line)
    if body.reason == 'entry' then walk.is_done = true else dap.step_back() end
  elseif (body.description or ''):find('^The end') then
    walk.is_back = true
    dap.step_back()
  else
    table.insert(walk.forward, line)
    dap.step_into()
  end
end
dap.listeners.after.event_stopped['walk'] = function(session, body)
  session.current_frame = nil
  next_of(session, body)
end
"""


def events_of(source: str, call: str) -> list[Event] | None:
    """The trace of a call that is computed as a whole and returns; None of another."""
    try:
        evaluation = Evaluation(source, call, "f", limits=Limits(events=EVENTS, seconds=5))
    except (SyntaxError, UserError):
        return None
    found = []
    for step in evaluation:
        if not isinstance(step, Event):
            evaluation.close()
            return None
        found.append(step)
    return found if evaluation.outcome is not None and evaluation.outcome.kind == "return" else None


def walked(neovim: Neovim, path: Path, call: str) -> dict[str, Any]:
    """The lines of the stops, forward and backward."""
    lines = path.read_text(encoding="utf-8").splitlines()
    neovim.open(path)
    neovim.until(lambda: neovim.lua("return #vim.lsp.get_clients({ bufnr = 0 })"))
    neovim.cursor(next(number for number, line in enumerate(lines, 1) if line.startswith("def f(")))
    neovim.lua("_G.walk = { forward = {}, backward = {} }")
    neovim.lua("require('cwm_lsp.dap').debug(...)", call)
    neovim.until(lambda: neovim.lua("return _G.walk.is_done"), timeout=120)
    found: dict[str, Any] = neovim.lua("return _G.walk")
    neovim.lua("require('dap').terminate()")
    neovim.until(lambda: neovim.lua("return require('dap').session() == nil"))
    return found


def rows_of(data: Path, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rows whose calls are computed: source, call, and the lines of all stops, forward and backward."""
    known = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines() if line.strip()]
    random.Random(seed).shuffle(known)
    done = 0
    for row in known:
        call = f"f({row['input']})"
        events = events_of(row["code"], call) if "\ndef f(" in f"\n{row['code']}" else None
        if events is None:
            continue
        if done == count:
            return
        lines = [event for event in events if event.kind == "line"]
        yield {
            "name": f"row{done}",
            "source": row["code"].rstrip() + "\n",
            "call": call,
            "forward": [one.line for one in lines],
            "backward": [one.line for one in lines[::-1] if one.depth == 0],
        }
        done += 1


def measure(rows: Iterable[dict[str, Any]], nvim_dap: Path) -> None:
    done = equal = stops = 0
    began = time.monotonic()
    os.environ["PATH"] = search_path()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        neovim = Neovim(pynvim.attach("child", argv=[nvim_program(), "--embed", "--headless", "--clean"]))
        neovim.command(f"set runtimepath^={PLUGIN},{nvim_dap}")
        neovim.command("runtime plugin/cwm_lsp.lua")
        neovim.lua(WALK)
        for row in rows:
            path = Path(folder) / f"{row['name']}.py"
            path.write_text(row["source"], encoding="utf-8")
            found = walked(neovim, path, row["call"])
            done += 1
            stops += len(found["forward"]) + len(found["backward"])
            is_equal = all(found[way] == row[way] for way in ("forward", "backward"))
            equal += is_equal
            if not is_equal:
                print(f"{row}: {found}", file=sys.stderr)
            if done % 10 == 0:
                print(f"{time.monotonic() - began:.0f} s: {done} rows, {equal} equal", file=sys.stderr)
        with contextlib.suppress(EOFError):
            neovim.command("qall!")
    print(f"{done} rows, {stops:,} stops: {equal} rows equal, forward and backward")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--nvim-dap", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = rows_of(options.data, options.rows, options.seed)
    if options.write is not None:
        options.write.write_text(json.dumps(list(rows)), encoding="utf-8")
    elif options.nvim_dap is not None:
        measure(rows, options.nvim_dap)
    else:
        parser.error("one of --nvim-dap and --write is needed")


if __name__ == "__main__":
    main()
