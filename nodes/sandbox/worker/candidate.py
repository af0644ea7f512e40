"""What happens in the process of a candidate: its code runs, then it answers calls.

Nothing here is trusted once the candidate's code has begun.
"""

import _socket
import _thread
import builtins
import operator
import re
import sys
import types

import values

NAME = "__candidate__"
MESSAGE_LIMIT = 500


def clean(text):
    """Cuts a message and removes addresses, which differ from run to run."""
    text = re.sub(r"0x[0-9a-fA-F]{4,}", "0x...", text[:4 * MESSAGE_LIMIT])
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\\0")
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "..."


def describe(error):
    try:
        message = str(error)
    except BaseException:
        message = "(its message can't be shown)"
    return clean(type(error).__name__), clean(message)


class Ended(Exception):
    """Carries a verdict out of the running of code."""

    def __init__(self, verdict, error=None):
        self.verdict, self.error = verdict, error
        self.exception, self.message = describe(error) if error is not None else (None, None)

    def result(self):
        return {"verdict": self.verdict, "exception": self.exception, "message": self.message}


def compiled(source, name, verdict):
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise Ended(verdict, e)


def execute(code, namespace):
    """Runs a setup or a candidate."""
    ending(exec, code, namespace, false_assert="error")


def run_test(code, namespace, form):
    ending(exec, code, namespace, false_assert="failed")
    if form == "functions":
        ending(run_functions, namespace, false_assert="failed")


SPARE = [bytearray(1 << 20)]  # for telling that there is no memory left


def make_room(error):
    """Frees what the code that ran out of memory still holds, and what was spared."""
    error.__traceback__ = None
    SPARE.clear()


def ending(function, *args, false_assert):
    """Calls a function and says with which verdict it ended, unless it just did."""
    try:
        function(*args)
    except MemoryError as e:
        make_room(e)
        raise Ended("memory_limit", e)
    except AssertionError as e:
        raise Ended(false_assert, e)
    except BaseException as e:
        raise Ended("error", e)


def stop_clock(seconds):
    """Has every clock that tells the date say the same."""
    import datetime
    import time
    values.notice()

    def at(function):
        return lambda *args: function(*(args or (seconds,)))

    class Date(datetime.date):
        @classmethod
        def today(cls):
            return cls.fromtimestamp(seconds)

    class DateTime(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(seconds, tz)

        @classmethod
        def today(cls):
            return cls.fromtimestamp(seconds)

        @classmethod
        def utcnow(cls):
            return cls.utcfromtimestamp(seconds)

    time.time, time.time_ns = lambda: float(seconds), lambda: seconds * 10**9
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, at(getattr(time, name)))
    datetime.date, datetime.datetime = Date, DateTime


def define(job, name=NAME):
    """Runs the setup and the candidate; returns what they define."""
    setup, code = job["setup"], job["code"]
    for rare in job["imports"]:
        __import__(rare)
    values.notice()
    if job["clock"] is not None:
        stop_clock(job["clock"])
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses and pickle look it up
    namespace = module.__dict__
    prepare = compiled(setup, "<setup>", "error") if setup else None
    done = prepare is None or set_up(prepare, namespace)
    execute(compiled(code, "<candidate>", "syntax_error"), namespace)
    if not done:
        execute(prepare, namespace)
    return namespace


def set_up(code, namespace):
    """Runs a setup. It returns False if that uses what a candidate has yet to define,
    as two of MBPP do: it is to run again after the candidate."""
    try:
        execute(code, namespace)
    except Ended as e:
        if e.exception != "NameError":
            raise
        return False
    return True


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError, OSError):
            pass  # the candidate closed or replaced it


def solution(namespace):
    """Lets tests import the candidate."""
    for name in ("solution", "candidate"):
        module = types.ModuleType(name)
        module.__dict__.update({k: v for k, v in namespace.items() if not k.startswith("__")})
        sys.modules[name] = module


def run_functions(namespace):
    """Runs the functions named test and the test cases of a module, in order. One
    without any is a mistake, not a pass."""
    import unittest
    found = 0
    for name, v in list(namespace.items()):
        if isinstance(v, type) and issubclass(v, unittest.TestCase):
            found += run_cases(unittest, v)
        elif name.startswith("test") and callable(v) and not isinstance(v, type) and not hasattr(type(v), "_ask"):
            found += 1
            finish(v())
        else:
            continue
        del namespace[name]
    if not found:
        raise LookupError("the tests have no function named test_* and no test case")


def finish(result):
    """Waits for what an async test returned."""
    if hasattr(result, "__await__"):
        import asyncio
        asyncio.run(result)


def run_cases(unittest, case):
    """Runs a test case with its fixtures, raises the first failure, and returns the
    number of tests."""
    class First(unittest.TestResult):
        error = None

        def addError(self, _, err):
            self.error = self.error or err[1]

        addFailure = addError

        def addSubTest(self, test, _, err):
            if err is not None:
                self.addError(test, err)

        def addUnexpectedSuccess(self, test):
            self.error = self.error or AssertionError("%s passed, which it was not to" % test)

    suite, result = unittest.defaultTestLoader.loadTestsFromTestCase(case), First()
    tests = suite.countTestCases()
    suite.run(result)
    if result.error is not None:
        raise result.error
    return tests


BYE = {"bye": True}


class Served:
    """Answers the judge."""

    def __init__(self, channel):
        self.channel = channel
        self.kept = []  # what crossed as a number
        self.lock = _thread.RLock()  # a candidate's threads talk one after the other
        self.encoder = values.Encoder(self.export)
        self.decoder = values.Decoder(lambda x: Callback(self, x["n"]), self.kept.__getitem__)

    def export(self, v):
        if type(v) is Callback:
            return {"p": v._number}
        self.kept.append(v)
        kind = "iterator" if is_iterator(v) else "callable" if callable(v) else "object"
        return {"h": {"n": len(self.kept) - 1, "kind": kind, "type": type(v).__name__}}

    def announce(self, namespace, wanted):
        """Tells the judge what the names mean that tests use; all, if that is None."""
        names = {}
        for name, v in list(namespace.items()):
            if type(name) is not str or name.startswith("__") or wanted is not None and name not in wanted:
                continue
            try:
                names[name] = self.encoder.encode(v)
            except Exception:
                names[name] = self.export(v)
        self.channel.send({"names": names})

    def serve(self):
        """Answers until the judge has heard enough, and writes out what was printed
        before it says that it has understood."""
        for request in iter(self.channel.receive, BYE):
            self.answer(request)
        flush()
        self.channel.send(BYE)

    def answer(self, request):
        """Does what the judge asks for, and says how it ended. Arguments that were
        changed in place go back, too."""
        args = []
        try:
            args = [self.decoder.decode(a) for a in request["args"]]
            kwargs = {k: self.decoder.decode(a) for k, a in request.get("kwargs", {}).items()}
            ok = self.encoder.encode(OPERATIONS[request["op"]](self.kept[request["on"]], *args, **kwargs))
            reply = {"ok": ok}
        except values.Lost:
            raise
        except BaseException as e:
            if isinstance(e, MemoryError):
                make_room(e)
            reply = {"raised": self.raised(e)}
        if any(type(a) in (list, dict, set, bytearray) for a in args):
            try:
                after = [self.encoder.encode(a) for a in args]
                if after != request["args"]:
                    reply["args"] = after
            except (RecursionError, MemoryError, RuntimeError):
                pass  # the judge keeps what it has
        self.reply(reply)

    def reply(self, message):
        try:
            self.channel.send(message)
        except (OverflowError, ValueError, TypeError, MemoryError, RecursionError) as e:
            self.channel.send({"raised": self.raised(e)})

    def raised(self, error):
        name, message = describe(error)
        try:
            args = [self.encoder.encode(a) for a in error.args if type(a) in (str, int, float, bool)]
        except BaseException:
            args = []
        bases = [c.__name__ for c in type(error).__mro__]
        return {"type": name, "message": message, "args": args, "bases": bases}

    def ask(self, number, args):
        """Calls a function of the tests."""
        with self.lock:
            return self.ask_alone(number, args)

    def ask_alone(self, number, args):
        self.channel.send({"call": number, "args": [self.encoder.encode(a) for a in args]})
        while True:
            message = self.channel.receive()
            if "op" in message:  # the function calls the candidate in turn
                self.answer(message)
                continue
            if "raised" in message:
                raise rebuild(message["raised"])
            return self.decoder.decode(message["ok"])


def is_iterator(v):
    try:
        return hasattr(v, "__next__")
    except Exception:
        return False


class Callback:
    """A function of the tests."""

    def __init__(self, served, number):
        self._served, self._number = served, number

    def __call__(self, *args):
        return self._served.ask(self._number, args)


def rebuild(raised):
    """The exception that the other side raised, if it is one of the builtin ones."""
    kind = getattr(builtins, raised["type"], None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(*raised["args"])
        except TypeError:
            pass
    return RuntimeError(raised["message"])


OPERATIONS = {
    "call": lambda o, /, *a, **k: o(*a, **k),
    "get": getattr,
    "set": setattr,
    "put": operator.setitem,
    "item": lambda o, key: o[key],
    "next": next,
    "iter": iter,
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "is": isinstance,
}


CHANNEL = values.Channel(3, values.FRAME_LIMIT, values.ANY_SIZE)  # where a candidate has the judge's socket
SERVED = Served(CHANNEL)  # made before the fork: each page that a fork writes to costs


def serve(channel, job, served=SERVED):
    """Runs a candidate whose tests are held by a judge."""
    try:
        namespace = define(job)
    except Ended as e:
        flush()
        channel.send({"ended": e.result()})
        return
    served.announce(namespace, job["names"])
    served.serve()


def run_tests(channel, job):
    """Runs a candidate and its tests in one process, where it could cheat."""
    send, reached = channel.send, 0
    try:
        namespace = define(job)
        solution(namespace)
        for test in job["tests"]:
            run_test(compiled(test, "<test>", "error"), namespace, job["form"])
            reached += 1
            send({"reached": reached})
        result = {"verdict": "passed"}
    except Ended as e:
        result = e.result()
    flush()
    send({"ended": result})


def run_program(channel, job):
    """Runs a candidate as a program that reads its standard input."""
    try:
        define(job, "__main__")
        result = {"verdict": "passed"}
    except Ended as e:
        result = e.result()
        if type(e.error) is SystemExit and (e.error.code is None or e.error.code == 0):
            result = {"verdict": "passed"}
    flush()
    channel.send({"ended": result})


REHEARSED = """
import collections, heapq, itertools, math, re
from typing import List

def f(items: List[int], key=None, *rest, **more) -> list:
    counts, total = collections.Counter(items), 0
    for i, x in enumerate(sorted(items, key=lambda x: -x)):
        if x % 2 == 0 and x not in counts or x > 3:
            total += int(math.sqrt(x)) + len(str(x))
        elif i < 0:
            break
    words = " ".join("%d" % x for x in items).split()
    pairs = {a: b for a, b in zip(words, range(len(words)))}
    while total > 100:
        total //= 2
    return [total, max(items), tuple(pairs.items()), re.sub("1", "2", words[0]), f"{total:.2f}", items[::-1]]
"""
REHEARSALS = 20  # the interpreter adapts code to what it does when that ran some times


def rehearse():
    """Runs a candidate of our own in the fork server. What the interpreter writes to when
    it does something for the first time, it needn't write to in each fork then, where
    every page that is written to is copied."""
    job = {"setup": "", "code": REHEARSED, "clock": None, "imports": [], "names": ["f"]}
    call = {"op": "call", "on": 0, "args": [[3, 1, 4]], "kwargs": {}}
    for _ in range(REHEARSALS):
        ours, theirs = _socket.socketpair()
        judge, channel = values.Channel(ours.fileno()), values.Channel(theirs.fileno())
        judge.send(job)
        for request in (call, dict(call, args=["text"]), call, BYE):
            judge.send(request)
        serve(channel, channel.receive(), Served(channel))
        ours.close()
        theirs.close()
    del sys.modules[NAME]


MODES = {"serve": serve, "tests": run_tests, "program": run_program}
