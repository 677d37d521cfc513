# ruff: noqa: E402  run by other interpreters, by path
"""Records calls with the interpreter that runs it: jobs on standard input, records on standard output, as JSON lines.

A job is [source, call, [name, first line]]. The first argument is the folder of the recorder's modules.
"""

import json
import sys
import types

sys.path[0] = sys.argv[1]

import comprehensions
import probe

for line in sys.stdin:
    source, call, target = json.loads(line)
    module = sys.modules["program"] = types.ModuleType("program")
    records = []
    exec(comprehensions.compile_module(source, "program.py"), module.__dict__)
    limits = probe.Limits(insides=0)  # what is in the library's objects differs between versions
    probe.trace_call(call, module.__dict__, "program.py", [tuple(target)], limits=limits, emit=records.append)
    print(json.dumps(records), flush=True)
