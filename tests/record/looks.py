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
    "collections by the program": """
        import gc

        class Node:
            def __init__(self):
                self.me = self

            def __del__(self):
                print("gone")

        def f():
            gc.disable()
            a = Node()
            del a
            print(gc.collect(), gc.isenabled(), gc.get_count()[1] >= 0)
            gc.enable()
            print(gc.get_threshold(), gc.get_stats()[2]["uncollectable"], gc.garbage)
            b = Node()
            c = [b]
            print(len(gc.get_referrers(b)), [type(x).__name__ for x in gc.get_referents(c)])
            b.me = None
    """,
    "callbacks of the collector": """
        import gc

        def f():
            seen = []
            def heard(phase, info):
                seen.append((phase, info["generation"]))
            gc.callbacks.append(heard)
            gc.collect()
            gc.callbacks.remove(heard)
            print(seen)
    """,
    "weak dictionaries": """
        import weakref

        class A:
            pass

        def make(store):
            a = A()
            store["a"] = a
            return len(store)

        def f():
            store = weakref.WeakValueDictionary()
            print(make(store), len(store))
            keys = weakref.WeakKeyDictionary()
            b = A()
            keys[b] = "x"
            b = None
            print(len(keys))
            dead = []
            c = A()
            weakref.finalize(c, dead.append, "c")
            c = A()
            print(dead)
    """,
    "resurrection": """
        kept = []

        class A:
            n = 0

            def __del__(self):
                A.n += 1
                if A.n < 3:
                    kept.append(self)

        def f():
            a = A()
            a = None
            print(A.n, len(kept))
            kept.clear()
            print(A.n, len(kept))
    """,
    "counts of arguments": """
        import sys

        def g(x, *rest, **more):
            return sys.getrefcount(x), sys.getrefcount(rest), sys.getrefcount(more)

        def f():
            x = object()
            print(g(x, x, y=x), sys.getrefcount(x))
            for item in [object(), object()]:
                print(sys.getrefcount(item))
            print([sys.getrefcount(y) for y in [object()]])
            try:
                raise ValueError(x)
            except ValueError as e:
                print(sys.getrefcount(e), sys.getrefcount(x))
            print(sys.getrefcount(x))
    """,
    "limits at many depths": """
        import sys

        def down(n):
            return 0 if n == 0 else 1 + down(n - 1)

        def f():
            for limit in (120, 150, 233, 500, 1000, 3000):
                sys.setrecursionlimit(limit)
                low, high = 0, limit
                while low < high:
                    middle = (low + high + 1) // 2
                    try:
                        down(middle)
                        low = middle
                    except RecursionError:
                        high = middle - 1
                print(limit, low)
            sys.setrecursionlimit(1000)
    """,
    "limits inside calls": """
        import sys

        def at(n, do):
            return at(n - 1, do) if n else do()

        def f():
            for depth in (5, 50, 90):
                def lower():
                    try:
                        sys.setrecursionlimit(depth + 20)
                        return "set"
                    except RecursionError as e:
                        return str(e)
                    finally:
                        sys.setrecursionlimit(1000)
                print(depth, at(depth, lower))
    """,
    "recursion through generators": """
        import sys

        def walk(n):
            yield n
            yield from walk(n + 1)

        def f():
            last = None
            sys.setrecursionlimit(150)
            try:
                for last in walk(0):
                    pass
            except RecursionError as e:
                print(last, e)
    """,
    "recursion through comprehensions": """
        def deep(n):
            return [deep(m) for m in (n + 1,)]

        n = 0

        def count():
            global n
            n += 1
            try:
                count()
            finally:
                n += 1000

        def f():
            try:
                deep(0)
            except RecursionError as e:
                print(e)
            try:
                count()
            except RecursionError as e:
                print(n, e)
    """,
    "filters of warnings": """
        import warnings

        def old():
            warnings.warn("old", DeprecationWarning, stacklevel=2)

        def f():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                for _ in range(3):
                    old()
                warnings.simplefilter("always")
                for _ in range(2):
                    old()
            print([(str(w.message), w.lineno, w.filename.rsplit("/", 1)[-1]) for w in caught])
            warnings.simplefilter("error", UserWarning)
            try:
                warnings.warn("mine")
            except UserWarning as e:
                print("raised", e)
            print(sorted(globals().get("__warningregistry__", {}).keys(), key=str)[:1])
    """,
    "tracebacks of chains": """
        import traceback

        def g(n):
            try:
                return h(n)
            except KeyError as e:
                raise ValueError("outer") from e

        def h(n):
            try:
                [][n]
            except IndexError:
                {}[n]

        def f():
            try:
                g(3)
            except ValueError as e:
                print(traceback.format_exc().replace(__file__, "program"))
                print(len(traceback.extract_tb(e.__traceback__)), e.__cause__.__context__.__traceback__.tb_lineno)
                print(e.__traceback__.tb_frame.f_lineno, e.__traceback__.tb_lasti >= 0)
    """,
    "frames of its own": """
        import sys

        def names():
            frame = sys._getframe(1)
            return sorted(frame.f_locals), frame.f_lineno, frame.f_code.co_name, frame.f_trace is None

        def f():
            a = 1
            for b in range(2):
                print(names())
            frame = sys._getframe()
            frame.f_locals["a"] = 5
            frame.f_locals["new"] = 6
            print(a, "new" in locals(), frame.f_back.f_code.co_name)
            del frame
    """,
    "a profile function": """
        import sys

        def g():
            return len([1])

        def f():
            seen = []
            sys.setprofile(lambda frame, event, arg: seen.append((event, frame.f_code.co_name)))
            g()
            sys.setprofile(None)
            print(seen, sys.getprofile())
    """,
    "threads with profiles": """
        import sys, threading

        def work(out):
            out.append(sys.gettrace() is None)
            out.append(sys.getprofile() is None)

        def f():
            out = []
            t = threading.Thread(target=work, args=(out,), name="worker")
            t.start()
            t.join()
            print(out, threading.active_count(), threading.current_thread().name)
            local = threading.local()
            local.x = 1
            print(vars(local))
    """,
    "a coroutine never awaited": """
        import gc, warnings

        async def c():
            return 1

        def f():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                c()
                x = c()
                x = None
                gc.collect()
            print([str(w.message) for w in caught])
    """,
    "what tasks leave": """
        import asyncio, gc

        async def fails():
            raise ValueError("lost")

        async def main():
            loop = asyncio.get_running_loop()
            heard = []
            loop.set_exception_handler(lambda loop, context: heard.append(context["message"]))
            task = loop.create_task(fails())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            gc.collect()
            print(heard, len(asyncio.all_tasks()))

        def f():
            asyncio.run(main())
    """,
    "reprs with side effects": """
        class Counting:
            n = 0

            def __repr__(self):
                Counting.n += 1
                return f"Counting({Counting.n})"

        class Lazy:
            def __repr__(self):
                if not hasattr(self, "made"):
                    self.made = 1
                    print("made")
                return "Lazy"

        class Falls:
            def __repr__(self):
                raise SystemExit(3)

        def f():
            a, b, c = Counting(), Lazy(), Falls()
            d = [a, b]
            for _ in range(3):
                d.append(1)
            print(a, Counting.n, vars(b))
            print([a], Counting.n)
    """,
    "attributes with side effects": """
        class Proxy:
            log = []

            def __getattribute__(self, name):
                Proxy.log.append(name)
                return object.__getattribute__(self, name)

            def __class_getitem__(cls, item):
                Proxy.log.append("item")
                return cls

            __hash__ = None

            def __eq__(self, other):
                Proxy.log.append("eq")
                return False

            def __len__(self):
                Proxy.log.append("len")
                return 0

            def __iter__(self):
                Proxy.log.append("iter")
                return iter(())

        class D(dict):
            def __getitem__(self, key):
                Proxy.log.append("get")
                return 1

            def keys(self):
                Proxy.log.append("keys")
                return super().keys()

        def f():
            p = Proxy()
            q = D(a=1)
            r = (p, q, {"x": p})
            for _ in range(2):
                x = 1
            print(Proxy.log)
            p.log
            print(Proxy.log)
    """,
    "metaclasses that look": """
        log = []

        class M(type):
            def __getattribute__(cls, name):
                if name != "__dict__" and not name.startswith("_abc"):
                    log.append(name)
                return type.__getattribute__(cls, name)

            def __instancecheck__(cls, one):
                log.append("check")
                return True

            def __repr__(cls):
                log.append("repr")
                return "M"

        class A(metaclass=M):
            pass

        def f():
            a = A()
            k = A
            for _ in range(2):
                b = [a]
            print(log)
    """,
    "context at the end": """
        import atexit, contextlib

        @contextlib.contextmanager
        def managed():
            print("in")
            try:
                yield 1
            finally:
                print("out")

        def numbers():
            try:
                yield 1
                yield 2
            finally:
                print("closed")

        def f():
            atexit.register(lambda: None)
            with managed() as m:
                for n in numbers():
                    break
                print("after break")
            g = numbers()
            next(g)
            del g
            print("end")
    """,
    "ids and caches": """
        import functools

        class A:
            pass

        @functools.lru_cache(maxsize=2)
        def g(n):
            return n

        def f():
            a = A()
            b = a
            print(a is b, id(a) == id(b), hash(a) == id(a) // 16 or True)
            for n in (1, 2, 1, 3, 2):
                g(n)
            print(g.cache_info())
            s = "".join(["a", "b"])
            print(s is "".join(["a", "b"]), [1, 2] == [1, 2])
            it = iter([1, 2, 3])
            for x in it:
                y = list(it)
            print(x, y)
            m = map(str, range(3))
            z = zip(m, m)
            print(list(z))
    """,
    "streams": """
        import io, sys

        class Out(io.StringIO):
            def write(self, text):
                sys.__stdout__.write("<" + text.strip() + ">")
                return len(text)

        def f():
            old, sys.stdout = sys.stdout, Out()
            a = [1]
            print("x", a)
            sys.stdout = old
            print()
            it = iter(sys.stdin.readline, "")
            print(list(it), sys.stdin.read() == "")
    """,
    "numbers that it counts": """
        import itertools

        count = itertools.count()

        class Id:
            def __init__(self):
                self.n = next(count)

            def __repr__(self):
                return f"Id({next(count)})"

        class Str(str):
            def __repr__(self):
                next(count)
                return str.__repr__(self)

        def f():
            a, b = Id(), Str("x")
            c = {b: a}
            for _ in range(3):
                c = dict(c)
            print(next(count))
    """,
    "exceptions that keep frames": """
        import sys

        class Big:
            def __del__(self):
                print("big gone")

        def g():
            big = Big()
            raise ValueError("x")

        def f():
            try:
                g()
            except ValueError as e:
                kept = e
                print("caught")
            print(sys.exc_info())
            kept = None
            print("after")
            try:
                g()
            except ValueError:
                print("second")
            print("end")
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
