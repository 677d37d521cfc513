# ruff: noqa: UP031  also run by other interpreters
"""A recorder that is too simple to be wrong: `sys.settrace` and `repr`. What ours gives is compared with it.

Standard library only: the tests also run it with other interpreters than their own.
"""

import json
import re
import sys

GENERATOR = 0x20  # inspect.CO_GENERATOR: a `return` event may be a yield
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def reference(source, path, call, target, module_name):
    """Events of the first activation of `target` (name, first line) as [kind, line, depth, function, locals, value]."""
    module = type(sys)(module_name)
    module.__dict__["__file__"] = path
    sys.modules.setdefault(module_name, module)
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    events = []
    depth = -1
    entry = None
    over = False

    def text(value):
        try:
            return ADDRESS.sub("", repr(value))
        except Exception:
            return ADDRESS.sub("", object.__repr__(value))

    def trace(frame, event, argument):
        nonlocal depth, entry, over
        code = frame.f_code
        if code.co_filename != path or over:
            return None
        if event == "call":
            if depth < 0 and frame is not entry:
                if entry is not None or (code.co_name, code.co_firstlineno) != tuple(target):
                    return None
                entry = frame
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
            over = depth < 0 and not code.co_flags & GENERATOR
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
        arguments = json.loads(line)
        sys.argv = [arguments[1]]
        print(json.dumps(reference(*arguments)), flush=True)
