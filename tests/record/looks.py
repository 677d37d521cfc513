"""Programs that look at what a recorder might disturb. `f()` prints what it sees; recorded, it sees the same."""

from __future__ import annotations

import random

PROGRAMS = {
    "depth of the stack": """
        import sys, inspect, traceback

        def deeper():
            frame, names = sys._getframe(), []
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
            return names

        def f():
            print(deeper()[:3], len(deeper()), len(inspect.stack()))
            print([line.name for line in traceback.extract_stack()])
    """,
    "recursion": """
        import sys

        depth = 0

        def deep(n):
            global depth
            depth += 1
            return deep(n + 1)

        def f():
            global depth
            for limit in (None, 300, 2000):
                if limit:
                    sys.setrecursionlimit(limit)
                depth = 0
                try:
                    deep(0)
                except RecursionError as error:
                    print(depth, error, sys.getrecursionlimit())
    """,
    "recursion in methods": """
        class A:
            n = 0

            def __eq__(self, other):
                A.n += 1
                return other == self

            def __repr__(self):
                A.n += 1
                return repr(self)

        def f():
            for do in (lambda a: a == A(), repr):
                A.n = 0
                try:
                    do(A())
                except RecursionError as error:
                    print(A.n // 10, type(error).__name__)
    """,
    "recursion that is caught on the way": """
        caught = []

        def deep(n):
            try:
                return deep(n + 1)
            except RecursionError:
                caught.append(n)
                if len(caught) > 5:
                    return n
                raise

        def f():
            print(deep(0), caught)
    """,
    "tracebacks": """
        import traceback

        def inner(n):
            if n:
                return inner(n - 1)
            return {}["k"]

        def endless():
            endless()

        def f():
            for do in (lambda: inner(3), endless):
                try:
                    do()
                except Exception:
                    print(traceback.format_exc())
            try:
                try:
                    inner(0)
                except KeyError as error:
                    raise ValueError("outer") from error
            except ValueError as error:
                print("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    """,
    "reference counts": """
        import sys

        class Thing:
            pass

        def count(x):
            return sys.getrefcount(x)

        def g(argument):
            local = argument
            return sys.getrefcount(argument)

        def f():
            thing, items, text = Thing(), [1], "".join(["a", "b"])
            other = thing
            number = 10 ** 20
            print(sys.getrefcount(thing), sys.getrefcount(items), sys.getrefcount(text), sys.getrefcount(number))
            print(count(thing), count(items), g(items), g(text))
            table = {"k": thing}
            print(sys.getrefcount(thing), sys.getrefcount(table))
            del other
            print(sys.getrefcount(thing))

            def inner():
                return sys.getrefcount(thing)

            print(inner())
    """,
    "the moment of the end": """
        import weakref

        class Noisy:
            def __init__(self, name):
                self.name = name

            def __del__(self):
                print("end of", self.name)

        def made(name):
            local = Noisy(name)
            print("leaving")

        def generated():
            held = Noisy("generator's")
            yield 1
            print("never")

        def f():
            x = Noisy("x"); del x; print("after x")
            y = Noisy("y")
            y = None
            print("after y")
            made("local")
            print("after local")
            g = generated()
            next(g)
            del g
            print("after generator")
            z = Noisy("z")
            r = weakref.ref(z, lambda _: print("called back"))
            print(r() is z)
            z = r = None if r() is None else r
            print(r and r())
            try:
                w = Noisy("w")
                raise ValueError(w)
            except ValueError as error:
                print("caught")
                del w
            print("after error")
            [Noisy(str(n)) for n in range(3)]
            print("after list")
            a = Noisy("a")
            a.self = a
            del a
            import gc
            print(gc.collect() > 0)
    """,
    "garbage": """
        import gc

        class Node:
            pass

        def f():
            gc.collect()
            a, b = Node(), Node()
            a.b, b.a = b, a
            print(len(gc.get_referrers(a)), [type(o).__name__ for o in gc.get_objects() if type(o) is Node])
            del a, b
            print(gc.collect(), gc.garbage, gc.isenabled())
            print(gc.get_threshold() == gc.get_threshold())
    """,
    "locals": """
        def f():
            x = 1
            kept = locals()
            y = 2
            print(sorted(kept), kept["x"])
            x = 3
            print(kept["x"])
            again = locals()
            print(sorted(again), again["x"])
            exec("z = 5")
            print("z" in locals(), vars() == locals())

            def inner():
                nonlocal y
                y = 7
                return sorted(locals())

            print(inner(), y, eval("x + y"))

            class C:
                a = 1
                print(sorted(name for name in locals() if not name.startswith("__")))
                locals()["b"] = 2

            print(C.b)
    """,
    "hooks": """
        import sys, threading, warnings

        def f():
            print(sys.gettrace(), sys.getprofile(), getattr(threading, "gettrace", lambda: None)())
            print(sys.excepthook is sys.__excepthook__, sys.stdout is sys.__stdout__)
            print(threading.active_count() > 0, threading.current_thread() is threading.main_thread())
            print(sys.settrace, sys.setprofile)
            print(hasattr(sys, "last_type"))
            seen = []
            sys.setprofile(lambda frame, event, arg: seen.append((event, frame.f_code.co_name)))
            len("abc")
            g()
            sys.setprofile(None)
            print(seen)

        def g():
            return 1
    """,
    "warnings": """
        import warnings

        class Warns:
            def __repr__(self):
                warnings.warn("shown")
                return "Warns()"

        def f():
            w = Warns()
            w2 = w
            with warnings.catch_warnings(record=True) as caught:
                print(repr(w))
                print(len(caught), len(warnings.filters) > 0)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    repr(w)
                except UserWarning as error:
                    print("raised", error)
            print([type(w).__name__ for _ in range(2)])
    """,
    "evil reprs": """
        import sys

        calls = []

        class Raises:
            def __repr__(self):
                raise SystemExit("no")

        class Counts:
            count = 0
            def __repr__(self):
                Counts.count += 1
                return f"Counts({Counts.count})"

        class Appends:
            def __repr__(self):
                calls.append(1)
                return "Appends()"

        class Prints:
            def __repr__(self):
                print("in repr")
                return "Prints()"

        class Recurses:
            def __repr__(self):
                return repr([self])

        class Holds(list):
            def __repr__(self):
                self.append(1)
                return "Holds"

        class Draws:
            def __init__(self):
                self.drawn = 0
            def draw(self):
                self.drawn += 1
                return "Draws"
            def __repr__(self):
                return self.draw()

        class Exits:
            def __repr__(self):
                sys.exit(3)

        def f():
            things = [Raises(), Counts(), Appends(), Prints(), Holds(), Draws(), Exits()]
            a, b, c, d, e, g, h = things
            r = Recurses()
            table = {1: b, 2: (c, [g])}
            print(Counts.count, len(calls), len(e), g.drawn)
            print(repr(b), repr(c), repr(d), repr(e), repr(g), len(e))
            for x in things[1:3]:
                print(x)
    """,
    "dictionaries of instances": """
        import functools

        class Plain:
            def __init__(self):
                self.a = 1

            def __repr__(self):
                return f"Plain({self.a})"

        def f():
            p = Plain()
            inner = functools.partial(max, 1)
            outer = functools.partial(inner, key=None)
            print(outer.func, p, functools.partial(outer, 2).args)
    """,
    "replaced functions": """
        import builtins, gc, time

        class Shown:
            def __init__(self, x):
                self.x = x
            def __repr__(self):
                return f"Shown({self.x})"

        def made(x):
            return Shown(x)

        def f():
            calls = []
            made([0])
            for module, name in [(builtins, "repr"), (builtins, "len"), (builtins, "type"), (builtins, "tuple"),
                                 (time, "perf_counter"), (gc, "disable"), (gc, "get_referents")]:
                real = getattr(module, name)
                setattr(module, name, lambda *a, real=real, name=name: calls.append(name) or real(*a))
                x = made([1, 2])
                y = [x, {"k": x}]
                z = 1
                setattr(module, name, real)
            print(calls)
    """,
    "signals": """
        import signal, time

        class Late(Exception):
            pass

        def late(number, frame):
            raise Late("now")

        def f():
            signal.signal(signal.SIGALRM, late)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                while True:
                    x = 1
            except Late as error:
                print("late", error)
            print(signal.getitimer(signal.ITIMER_REAL)[0] == 0, signal.getsignal(signal.SIGALRM) is late)
    """,
    "generators' ends": """
        def g(log):
            try:
                yield 1
                yield 2
            except GeneratorExit:
                print("closed")
                raise
            finally:
                print("finally")

        def f():
            for x in g(None):
                break
            print("after break")
            a = g(None)
            next(a)
            a = None
            print("after drop")
            b = g(None)
            next(b)
            try:
                b.throw(KeyError)
            except KeyError:
                print("thrown")
            print(next(g(None)), any(x for x in g(None)))
    """,
    "threads": """
        import threading

        def work(results):
            results.append(threading.current_thread().name)

        def f():
            results = []
            threads = [threading.Thread(target=work, args=(results,), name=f"t{n}") for n in range(3)]
            for thread in threads:
                thread.start()
                thread.join()
            print(results, threading.active_count() >= 1)
            local = threading.local()
            local.x = 1
            print(vars(local))
    """,
    "digits": """
        import sys

        def f():
            if hasattr(sys, "set_int_max_str_digits"):
                sys.set_int_max_str_digits(700)
            x = 10 ** 600
            y = [10 ** 900, 1]
            z = {1: 10 ** 5000}
            print(len(str(x)))
    """,
}


def made_up(seed: int) -> str:
    """A random program of such looks."""
    choose = random.Random(seed)
    head = """
import copy, functools, gc, sys, weakref

class Thing:
    made = 0
    def __init__(self, name):
        self.name = name
        Thing.made += 1
    def __del__(self):
        print("end", self.name)

class Shown(Thing):
    def __repr__(self):
        return f"Shown({self.name})"

class Counted(Thing):
    shown = 0
    def __repr__(self):
        Counted.shown += 1
        return "Counted"

class Broken(Thing):
    def __repr__(self):
        raise ValueError(self.name)

def many(kind, n):
    for i in range(n):
        thing = kind(f"many{i}")
        yield thing

def count(x):
    return sys.getrefcount(x) if isinstance(x, (Thing, list, dict, tuple)) else 0

def through(x):
    held = [x]
    return count(x)

def level(n=0):
    try:
        return level(n + 1)
    except RecursionError:
        return n

"""
    kinds = ["Thing", "Shown", "Counted", "Broken"]
    names = ["a", "b", "c", "d"]
    lines = []
    for number in range(choose.randint(6, 16)):
        name, other, kind = choose.choice(names), choose.choice(names), choose.choice(kinds)
        lines.append(
            choose.choice(
                [
                    f"{name} = {kind}('{number}')",
                    f"{name} = {other}",
                    f"{name} = [{other}, {kind}('{number}')]",
                    f"{name} = {{'k': {other}}}",
                    f"{name} = ({other}, {choose.randint(0, 99)})",
                    f"{name} = None; print('after {number}')",
                    f"print(count({name}), through({other}))",
                    f"{name} = weakref.ref({kind}('{number}'), lambda _: print('ref {number}')); print({name}())",
                    f"for {name} in many({kind}, 3): print({name}.name)",
                    f"for {name} in many({kind}, 3): break",
                    f"{name} = next(many({kind}, 2))",
                    f"{name} = [{kind}(str(n)) for n in range(2)]",
                    "print(Thing.made, Counted.shown)",
                    "print(sorted(locals()))",
                    f"{name} = locals().copy(); {name}.clear()",
                    f"{name} = functools.partial(max, {other}); print({name}.func)",
                    "print(gc.collect(), sys.gettrace())",
                    "print(level(), sys.getrecursionlimit())",
                    f"try:\n        {name}.missing\n    except AttributeError as error:\n        print(type(error))",
                    f"try:\n        raise KeyError({name})\n    except KeyError as error:\n        {other} = error.args",  # noqa: E501
                ]
            )
        )
    return (
        head
        + "def f():\n    gc.collect()\n    a = b = c = d = 0\n    "
        + "\n    ".join(lines)
        + "\n    print('end of f')\n"
    )
