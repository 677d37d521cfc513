# ruff: noqa: PTH119, UP031  also run by other interpreters
"""A recorder that is too simple to be wrong: `sys.settrace` and `repr`. What ours gives is compared with it.

Standard library only: the tests also run it with other interpreters than their own.
"""

import json
import os
import re
import sys

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def reference(source, path, call, target):
    """Events of the first activation of `target` (name, first line) as [kind, line, depth, function, locals, value]."""
    module = type(sys)(os.path.basename(path)[:-3])
    module.__dict__["__file__"] = path
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    events = []
    depth = -1
    over = False

    def text(value):
        try:
            return ADDRESS.sub("", repr(value))
        except Exception:
            return ADDRESS.sub("", object.__repr__(value))

    def trace(frame, event, argument):
        nonlocal depth, over
        code = frame.f_code
        if code.co_filename != path or over:
            return None
        if event == "call":
            if depth < 0 and (code.co_name, code.co_firstlineno) != tuple(target):
                return None
            depth += 1
        shown = {name: text(value) for name, value in frame.f_locals.items()} if event in ("call", "line") else {}
        value = None
        if event == "return":
            value = text(argument)
        elif event == "exception":
            value = "(%s, %s, <traceback object>)" % (text(argument[0]), text(argument[1]))
        events.append([event, frame.f_lineno, depth, code.co_name, list(shown.items()), value])
        if event == "return":
            depth -= 1
            over = depth < 0
        return trace

    compiled = compile(call, "<call>", "eval")
    sys.settrace(trace)
    try:
        eval(compiled, module.__dict__)
    except BaseException:
        pass
    finally:
        sys.settrace(None)
    return events


def plain(events):
    """Our events in the same form."""
    return [
        [
            event.kind,
            event.line,
            event.depth,
            event.function,
            [list(item) for item in event.locals.items()],
            event.value,
        ]
        for event in events
    ]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(reference(*json.loads(line))), flush=True)
