"""What happens in the process of a candidate: its code runs, then it answers calls.

Nothing here is trusted once the candidate's code has begun.
"""

import _socket
import _thread
import builtins
import functools
import operator
import re
import sys
import types

import confine
import values

NAME = "__candidate__"
FRAMES = 20  # of ours, below those of a candidate: it may recurse as deep as in a process of its own
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
    if form == "functions":
        ending(run_module, code, namespace, false_assert="failed")
    else:
        ending(exec, code, namespace, false_assert="failed")


def run_module(code, before):
    """Runs a module of tests, which sees what was there before."""
    namespace = dict(before, __name__="__test__")
    exec(code, namespace)
    run_functions(namespace, before)


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
    """Runs the setup and the candidate. Returns what they define, and the names of the setup
    that the candidate has redefined."""
    setup, code = job["setup"], job["code"]
    for rare in job["imports"]:
        __import__(rare)
    values.notice()
    if job["clock"] is not None:
        stop_clock(job["clock"])
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses and pickle look it up
    namespace = module.__dict__
    if name == "__main__":
        module.__file__ = sys.argv[0]
    prepare = compiled(setup, "<setup>", "error") if setup else None
    done = prepare is None or set_up(prepare, namespace)
    before = {k: v for k, v in namespace.items() if not k.startswith("__")}
    execute(compiled(code, "<candidate>", "syntax_error"), namespace)
    redefined = [k for k, v in before.items() if namespace.get(k, before) is not v]
    if not done:
        execute(prepare, namespace)
    return namespace, redefined


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


def run_functions(namespace, before):
    """Runs the test functions and test cases of a module, in order, but for those that were
    there before. A module without any is a mistake, not a pass."""
    import unittest
    found = 0
    for name, v in list(namespace.items()):
        if name in before and before[name] is v:
            continue
        if isinstance(v, type) and issubclass(v, unittest.TestCase):
            found += run_cases(unittest, v)
        elif isinstance(v, type) and name.startswith("Test"):
            found += run_class(v)
        elif name.startswith("test") and isinstance(v, types.FunctionType):
            found += 1
            finish(v())
    if not found:
        raise LookupError("the tests have no function named test_* and no test case")


def run_class(case):
    """Runs the tests of a class as pytest does, each on an object of its own."""
    names = [n for c in reversed(case.__mro__) for n, v in vars(c).items() if n.startswith("test") and callable(v)]
    fixture(case, "setup_class")
    for name in dict.fromkeys(names):
        instance = case()
        fixture(instance, "setup_method", name)
        try:
            finish(getattr(instance, name)())
        finally:
            fixture(instance, "teardown_method", name)
    fixture(case, "teardown_class")
    return len(names)


def fixture(owner, name, of=None):
    """Calls what prepares or clears up, with the test if it wants to have it."""
    function = getattr(owner, name, None)
    if function is None:
        return
    wants = function.__func__.__code__.co_argcount > 1
    function(*([getattr(owner, of)] if wants and of else []))


def finish(result):
    """Waits for what an async test returned."""
    if hasattr(result, "__await__"):
        import asyncio
        done = []

        async def to_its_end():
            await result
            done.append(True)

        asyncio.run(to_its_end())
        if not done:
            raise RuntimeError("an async test didn't run to its end")


def run_cases(unittest, case):
    """Runs a test case with its fixtures, raises the first failure, and returns the
    number of tests."""
    class First(unittest.TestResult):
        error, ended, whole = None, 0, False

        def addSuccess(self, test):
            self.ended += 1

        def addExpectedFailure(self, *_):
            self.ended += 1

        def addSkip(self, test, _):
            error = sys.exc_info()[1]
            if not skips(error, test):
                self.addError(test, (None, error))
            self.ended += 1
            self.whole = self.whole or not isinstance(test, unittest.TestCase)

        def addError(self, _, err):
            self.error = self.error or err[1]

        addFailure = addError

        def addSubTest(self, test, _, err):
            if err is not None:
                self.addError(test, err)

        def addUnexpectedSuccess(self, test):
            self.error = self.error or AssertionError("%s passed, which it was not to" % test)

    suite, result = unittest.TestLoader().loadTestsFromTestCase(case), First()
    tests = suite.countTestCases()
    suite.run(result)
    if result.error is not None:
        raise result.error
    if result.ended < tests and not result.whole:
        raise RuntimeError("a test ended without a result")
    return tests


def skips(error, test):
    """Whether a test skips itself: by a decorator, or an exception of its own. What is tested
    can't skip its test."""
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        frame = trace.tb_frame
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if name == "skipTest" and frame.f_locals.get("self") not in (test, getattr(test, "test_case", test)):
            return False
        if file != "<test>" and (not file.endswith(OF_UNITTEST) or name == "skip_wrapper"):
            return False
        trace = trace.tb_next
    return True


OF_UNITTEST = ("/unittest/case.py", "/unittest/suite.py", "/unittest/async_case.py", "/contextlib.py", "/asyncio/runners.py",
               "/asyncio/base_events.py", "<ouroflow>together")


BYE = {"bye": True}


class Served:
    """Answers the judge."""

    def __init__(self, channel):
        self.channel = channel
        self.kept = []  # what crossed as a number
        self.numbers = {}  # of what is kept, by identity
        self.held = []  # values that both sides have, and what they were
        self.unfit = None  # what can't be done at a distance, if it was tried
        self.watched = {}  # variables that tests read, and what they were
        self.namespace = {}
        self.lock = _thread.RLock()  # a candidate's threads talk one after the other
        self.encoder = values.Encoder(self.export)
        self.decoder = values.Decoder(lambda x: Callback(self, x["n"]), self.kept.__getitem__)

    def export(self, v):
        if type(v) is Callback:
            return {"p": v._number}
        kind = kind_of(v)
        n = self.numbers.get(id(v))
        if n is None:
            n = self.numbers[id(v)] = len(self.kept)
            self.kept.append(v)
        return {"h": {"n": n, "kind": kind, "type": type(v).__name__}}

    def announce(self, namespace, job, redefined):
        """Says what the names mean that tests use, and which of the names that tests
        assign to the program uses as well."""
        self.namespace, names = namespace, {}
        for name in job["names"]:
            v = namespace.get(name, self)
            if v is self and not hasattr(builtins, name):
                self.watched[name] = (self, None)
            if v is self or name.startswith("__"):
                continue
            try:
                names[name] = self.encoder.encode(v)
                if not is_kept(names[name]):
                    self.watched[name] = (v, names[name])
            except (values.Unfit, RecursionError, MemoryError) as e:
                names[name] = {"u": str(e)}
        self.channel.send({"names": names, "shared": shared_names(namespace, job["stored"]), "redefined": redefined})

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
        self.reply(self.outcome(request))

    def outcome(self, request):
        if self.changed():
            return {"unfit": "the program changes a value that tests hold"}
        given = []
        try:
            args = [self.decoder.decode(a) for a in request["args"]]
            kwargs = {k: self.decoder.decode(a) for k, a in request.get("kwargs", {}).items()}
            given = args + list(kwargs.values())
            result = OPERATIONS[request["op"]](self.kept[request["on"]], *args, **kwargs)
            reply = self.returned(result, given)
            del result
        except values.Lost:
            raise
        except values.Unfit as e:
            return {"unfit": str(e)}
        except BaseException as e:
            if isinstance(e, MemoryError):
                make_room(e)
            reply = {"raised": self.raised(e)}
        try:
            args = kwargs = None
            self.compare(given, request, reply)
            moved = self.moved()
        except values.Unfit as e:
            return {"unfit": str(e)}
        if moved:
            return {"unfit": "the program changes its variable " + moved}
        return {"unfit": self.unfit} if self.unfit else reply

    def returned(self, result, given):
        """What is said of a result: one of the arguments, or a value."""
        for i, a in enumerate(given):
            if result is a and values.is_mutable(a):
                return {"given": i}
        ok = self.encoder.encode(result)
        if values.is_mutable(result) and sys.getrefcount(result) > HELD_RESULT:
            self.hold(result, ok)
            return {"ok": ok, "held": True}
        return {"ok": ok}

    def hold(self, v, encoded):
        """Remembers what a value is that both sides have."""
        if len(v) > HELD_MOST:
            raise values.Unfit("a large container that both the program and tests hold")
        self.held.append((v, encoded))

    def compare(self, given, request, reply):
        """Finds arguments that were changed, and such that the program keeps."""
        if not any(map(may_change, given)):
            return
        before = request["args"] + list(request.get("kwargs", {}).values())
        after = self.encoder.encode_all(given)
        changed = [i for i, a in enumerate(given) if may_change(a) and after[i] != before[i]]
        if any(values.holds_mutable(given[i]) or not values.is_mutable(given[i]) for i in changed):
            raise values.Unfit("the program changes a container within an argument")
        if changed:
            reply["args"] = {str(i): after[i] for i in changed}
        kept = []
        for i in range(len(given)):
            if values.is_mutable(given[i]) and sys.getrefcount(given[i]) > HELD_ARGUMENT or values.holds_mutable(given[i]):
                kept.append(i)
                self.hold(given[i], after[i])
        if kept:
            reply["kept"] = kept

    def changed(self):
        """Whether a value that both sides have isn't any more what it was."""
        return any(self.encoder.encode(v) != before for v, before in self.held)

    def moved(self):
        """The first variable that tests read and that isn't any more what it was."""
        for name, (v, before) in self.watched.items():
            now = self.namespace.get(name, self)
            if now is not v or may_change(v) and self.encoder.encode(v) != before:
                return name
        return None

    def reply(self, message):
        try:
            self.channel.send(message)
        except (OverflowError, ValueError, TypeError, MemoryError, RecursionError) as e:
            self.channel.send({"unfit": "a value can't cross: %s" % describe(e)[1]})

    def raised(self, error):
        """An exception of a builtin class, whose arguments make another like it."""
        kind = type(error)
        if getattr(builtins, kind.__name__, None) is not kind:
            raised_own = {"own": True}
        else:
            raised_own = {}
        name, message = describe(error)
        try:
            args = self.encoder.encode_all(error.args)
        except BaseException:
            raised_own, args = {"own": True}, []
        bases = [c.__name__ for c in kind.__mro__]
        return {"type": name, "message": message, "args": args, "bases": bases, **raised_own}

    def ask(self, number, args, kwargs):
        """Calls a function of the tests."""
        with self.lock:
            return self.ask_alone(number, args, kwargs)

    def ask_alone(self, number, args, kwargs):
        self.channel.send({"call": number, "args": self.encoder.encode_all(args),
                           "kwargs": dict(zip(kwargs, self.encoder.encode_all(kwargs.values())))})
        while True:
            message = self.channel.receive()
            if "op" in message:  # the function calls the candidate in turn
                self.answer(message)
                continue
            if "raised" in message:
                raise rebuild(message["raised"])
            return self.decoder.decode(message["ok"])


HELD_MOST = 1000  # elements of a container that is compared at each step


def is_kept(encoded):
    return type(encoded) is dict and ("h" in encoded or "p" in encoded)


def may_change(v):
    return values.is_mutable(v) or type(v) is tuple and values.holds_mutable(v)


def counts():
    """How many references a result and an argument have that nobody else holds."""
    class Counter(Served):
        found = []

        def returned(self, result, given):
            self.found.append(sys.getrefcount(result))
            return {"ok": None}

        def compare(self, given, request, reply):
            for i in range(len(given)):
                self.found.append(sys.getrefcount(given[i]))

    counter = Counter(None)
    counter.kept.append(lambda a: [2])
    counter.outcome({"op": "call", "on": 0, "args": [[1]]})
    return counter.found


def shared_names(namespace, stored):
    """Those of the names that the program has as well, or whose value it looks up."""
    if not stored:
        return []
    used = set(namespace)
    for v in list(namespace.values()):
        look_into(getattr(v, "__code__", None), used)
        if isinstance(v, type):
            for member in list(type.__dict__["__dict__"].__get__(v).values()):
                look_into(getattr(getattr(member, "__func__", getattr(member, "fget", member)), "__code__", None), used)
    return sorted(name for name in used.intersection(stored) if not is_import(namespace.get(name), stored[name]))


def is_import(v, source):
    """Whether a value is what tests import by its name, too."""
    module, _, name = (source or "").partition(":")
    found = sys.modules.get(module)
    return found is not None and v is (getattr(found, name, None) if name else found)


def look_into(code, used):
    """Adds the names that a function looks up, and the functions within it."""
    if type(code) is not types.CodeType:
        return
    used.update(code.co_names)
    for constant in code.co_consts:
        look_into(constant, used)


FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial,
             type(functools.lru_cache(len)))
META = {"type", "ABCMeta", "EnumMeta", "EnumType"}
HEAP = 1 << 9  # flag of types that Python code made
OWN_ORDER = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"}
type_flags = type.__dict__["__flags__"].__get__
type_names = type.__dict__["__dict__"].__get__


def kind_of(v):
    """What a value is that can't be copied: a function, a class, an iterator or an object,
    which is valued if it has an order or an equality of its own."""
    t = type(v)
    if t in FUNCTIONS:
        return "function"
    if issubclass(t, type):
        if t.__name__ not in META or not all(is_own(c) for c in values.BASES(v)):
            raise values.Unfit("a class that extends a type of the language")
        return "class"
    if not is_own(t):
        if hasattr(t, "__next__"):
            return "iterator"
        raise values.Unfit("a value of the type " + t.__name__)
    bases = values.BASES(t)
    if not all(map(is_own, bases)):
        raise values.Unfit("an object of a class that extends a type of the language")
    own = any(OWN_ORDER.intersection(type_names(c)) for c in bases if c is not object and c.__module__ != "enum")
    return "valued" if own else "object"


def is_own(t):
    """Whether a class is written in Python, or the one that all are made of."""
    return t is object or bool(type_flags(t) & HEAP)


class Callback:
    """A function of the tests. It can be called, and nothing else."""

    def __init__(self, served, number):
        self._served, self._number = served, number

    def __call__(self, *args, **kwargs):
        return self._served.ask(self._number, args, kwargs)

    def __getattr__(self, name):
        self._served.unfit = "the program looks at %s of a function of the tests" % name
        raise AttributeError(name)


def rebuild(raised):
    """The exception that the other side raised, if it is one of the builtin ones."""
    kind = getattr(builtins, raised["type"], None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
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
    "in": lambda o, x: x in o,
}
HELD_RESULT, HELD_ARGUMENT = counts()


CHANNEL = values.Channel(3, values.FRAME_LIMIT, values.ANY_SIZE)  # where a candidate has the judge's socket
SERVED = Served(CHANNEL)  # made before the fork: each page that a fork writes to costs


def serve(channel, job, served=SERVED):
    """Runs a candidate whose tests are held by a judge."""
    try:
        namespace, redefined = define(job)
    except Ended as e:
        flush()
        channel.send({"ended": e.result()})
        return
    served.announce(namespace, job, redefined)
    served.serve()


def run_program(channel, job):
    """Runs a candidate as a program on a command line, and ends as the interpreter does:
    it waits for threads, calls what is registered for the end, and flushes."""
    status = 0
    try:
        define(job, "__main__")
    except Ended as e:
        status = exit_status(e.error)
        if status:
            channel.send({"ended": e.result()})
    confine.python.Py_Exit(status)


def exit_status(error):
    """The status that an exception ends a program with. What is to be said of it, is said."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        sys.stderr.write("%s\n" % error.code)
        return 1
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException:
        pass  # as in the interpreter, it isn't what decides
    return 1


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
    job = {"setup": "", "code": REHEARSED, "clock": None, "imports": [], "names": ["f"], "stored": []}
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


MODES = {"serve": serve, "program": run_program}
