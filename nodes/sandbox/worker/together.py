"""Runs a candidate and its tests in one process, for tests that can't be held apart.

The candidate's code runs first. The tests come after it, as code whose constants hold
all that must not be replaced. What reports how they went holds a word that the judge
knows; it lives in variables of running functions alone. Frames, the collector, memory and
code are the ways to those, and each of them raises an audit event: the attempt then ends
without a verdict. So does one whose candidate replaced what tests rely on.

Functions in here take all that they use from variables of `run`, since a candidate can
reach every module, class and global function of this process.
"""

import _json
import _signal
import _thread
import builtins
import collections
import marshal
import operator
import os
import posix
import sys
import types

import candidate
import confine
import values

MARK = "\0ouroflow:"
# Events of Python's auditing by which a candidate could get at its tests, and what they are.
REFUSED = {
    "sys._getframe": "frames", "sys._current_frames": "frames", "sys._current_exceptions": "frames", "sys.settrace": "tracing",
    "sys.setprofile": "tracing", "sys.addaudithook": "auditing", "sys.monitoring.register_callback": "tracing",
    "gc.get_objects": "the collector", "gc.get_referrers": "the collector", "gc.get_referents": "the collector",
    "code.__new__": "code", "function.__new__": "code", "marshal.loads": "code", "marshal.load": "code",
    "os.fork": "processes", "os.forkpty": "processes", "os.posix_spawn": "processes", "os.spawn": "processes", "os.exec": "processes",
    "os.system": "processes", "subprocess.Popen": "processes", "pty.spawn": "processes", "signal.pthread_kill": "signals",
    "cpython._PySys_ClearAuditHooks": "auditing", "cpython.PyInterpreterState_New": "interpreters",
}
READ = {"__code__", "tb_frame", "f_code", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code"}
SET = {"__code__", "__defaults__", "__kwdefaults__"}
MODULES = {"ctypes", "_ctypes", "_testcapi", "_testinternalcapi", "_xxsubinterpreters", "_interpreters", "_ctypes_test"}
# Modules of the standard library that look at the frame of who calls them, and hand out none.
DISCREET = ("collections/__init__.py", "typing.py", "enum.py", "warnings.py", "dataclasses.py", "abc.py")
CHECKED = ("unittest.case", "unittest.suite", "unittest.loader", "unittest.result", "unittest.util", "unittest.mock", "unittest.async_case", "unittest")
ORDER = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
ARITHMETIC = tuple("__%s%s__" % (r, n) for n in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "xor") for r in ("", "r"))


def run(channel, job):
    """Runs a candidate, then its tests, and reports."""
    for name in MODULES:
        sys.modules.pop(name, None)
    for name in job["imports"]:
        try:
            __import__(name)
        except Exception:
            pass  # the test that wants it will say so
    job["imports"] = []
    if job["form"] == "functions":
        __import__("unittest.mock")
    confine.seal(job["filter"])
    confine.libc = confine.python = None
    talk = talker(channel.fd)
    trial = tester(job["form"], talk)
    try:
        namespace, redefined = candidate.define(job, "solution" if job["form"] == "functions" else candidate.NAME)
    except candidate.Ended as e:
        candidate.flush()
        talk.say(b"", **e.result())
        return
    trial(namespace, redefined, job)


class Talk:
    """Nothing but names for two functions."""

    __slots__ = ("hear", "say")


def talker(fd):
    """Functions that talk to the judge, and use nothing that a candidate could replace."""
    read, write, quote, number, raw = posix.read, posix.write, _json.encode_basestring_ascii, int.from_bytes, bytes
    text, whole, piece, length = str, int, bytearray, len
    kinds = {"verdict": 0, "exception": 0, "message": 0, "unfit": 0, "defined": 1, "clash": 1, "redefined": 1, "reached": 2, "failed_line": 2}

    def hear():
        size = number(take(4), "big")
        return raw(take(size))

    def take(size):
        data = piece()
        while length(data) < size:
            chunk = read(fd, size - length(data))
            if not chunk:
                posix._exit(1)
            data += chunk
        return data

    def written(kind, v):
        if v is None:
            return "null"
        if kind == 0:
            return quote(v)
        if kind == 1:
            return "[" + ",".join([quote(x) for x in v]) + "]"
        return "%d" % v

    def say(word, **message):
        parts = ['"%s":%s' % (k, written(kinds[k], v)) for k, v in message.items()]
        data = ('{"word":"' + word.decode() + '",' + ",".join(parts) + "}").encode()
        data = length(data).to_bytes(4, "big") + data
        while data:
            data = data[write(fd, data):]

    talk = Talk()
    talk.hear, talk.say = hear, say
    return talk


def tester(form, talk):
    """What runs the tests of a form after a candidate has run, with all that it needs."""
    hear, say, exit_ = talk.hear, talk.say, posix._exit
    talk.hear = talk.say = None
    word = [b""]

    def give_up(why):
        say(word[0], unfit=why)
        exit_(0)

    bases, listed = values.BASES, list
    guards = guarding(trusted_types(), give_up)
    bake = baker(guards)
    wrap_unittest(bake)
    replaced, watched = integrity()
    sys.addaudithook(auditor(give_up))
    loads, function, execute = marshal.loads, types.FunctionType, exec
    flush, describe, make_room, line_of = candidate.flush, candidate.describe, candidate.make_room, line_in_test
    shared_names, run_functions, pairs = candidate.shared_names, candidate.run_functions, dict.items
    base, assertion, memory, counted, mapping, kind = BaseException, AssertionError, MemoryError, enumerate, dict, type
    builtin_names, modules, here = mapping(vars(builtins)), sys.modules, "solution" if form == "functions" else candidate.NAME

    def check():
        broken = replaced()
        if broken:
            give_up("the program replaces " + broken)

    def ended_by(error):
        """How a test ended that raised."""
        line, of = line_of(error), bases(kind(error))
        if memory in of:
            make_room(error)
        verdict = "memory_limit" if memory in of else "failed" if assertion in of else "error"
        name, message = describe(error)
        return {"verdict": verdict, "exception": name, "message": message, "failed_line": line}

    def note(i):
        say(word[0], reached=i)

    guards["reached"] = note

    def test_module(code, namespace):
        before = {k: v for k, v in pairs(namespace) if kind(k) is str and not k.startswith("__")}
        own = mapping(before, __name__="__test__")
        execute(code, own)
        for v in listed(own.values()):
            if kind(v) is kind and v.__module__ == "__test__":
                watched(v.__name__, v)
        run_functions(own, before)
        check()

    def run_all(units, namespace):
        for i, (is_function, code) in counted(units):
            code = bake(code)
            if is_function:
                function(code, namespace)()
                continue
            if form == "functions":
                test_module(code, namespace)
            else:
                execute(code, namespace)
            note(i)

    def trial(namespace, redefined, job):
        check()
        oracles = [name for name in job["oracles"] if name in redefined]
        names = [n for n in job["names"] if n in builtin_names and namespace.get(n, word) not in (word, builtin_names[n])]
        names += [n for n in job["modules"] if n in namespace and namespace[n] is not modules.get(n)]
        for alias in ("solution", "candidate"):
            modules.setdefault(alias, modules.get(here))
        say(b"", defined=shared_names(namespace, job["stored"]), clash=names, redefined=oracles)
        data = hear()
        word[0] = data[:32]
        result = {"verdict": "passed", "exception": None, "message": None}
        try:
            run_all(loads(data[32:]), namespace)
        except base as e:
            result = ended_by(e)
        if result["verdict"] == "passed" and not job["changing"]:
            check()
        flush()
        say(word[0], **result)
    return trial


def line_in_test(error):
    """The line of the test that an exception passed last."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<test>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def auditor(give_up):
    """A hook that ends the attempt when a candidate does what leads to its tests."""
    refused, modules, discreet, read, change, frame_of = REFUSED, MODULES, DISCREET, READ, SET, sys._getframe
    library, text, raw, kind = (os.path.dirname(os.__file__) + "/", "<frozen ", "<ouroflow>"), str, bytes, type
    asking, function_type = [False], types.FunctionType

    def is_library(code):
        return code.co_filename.startswith(library)

    def caller():
        """Whether who does it is the standard library or the sandbox, for itself."""
        asking[0] = True
        frame = frame_of(2)
        code, back = frame.f_code, frame.f_back
        mine = code.co_filename == "<test>" or is_library(code) and (
            code.co_filename.endswith(discreet) or back is not None and is_library(back.f_code))
        asking[0] = False
        return mine

    def is_own(function):
        """Whether a function is the candidate's."""
        if kind(function) is not function_type:
            return False
        asking[0] = True
        own = function.__code__.co_filename == "<candidate>"
        asking[0] = False
        return own

    def name_of(path):
        return path.decode("utf-8", "replace") if kind(path) is raw else path if kind(path) is text else ""

    def wrong(event, args):
        """What a candidate may not do, if that is what happens."""
        if event == "import":
            return "the program imports " + args[0] if args[0] in modules else None
        if event == "open":
            path = name_of(args[0])
            return "the program opens " + path[:100] if path.startswith(("/proc/", "/dev/fd", "/dev/std")) else None
        if event == "compile":
            return "the program compiles code of another's name" if name_of(args[1]).startswith((*library, "<test>", "<setup>")) else None
        if event == "object.__getattr__":
            return "the program looks at %s" % args[1] if args[1] in read and not is_own(args[0]) else None
        if event == "object.__setattr__" or event == "object.__delattr__":
            return "the program changes %s" % args[1] if args[1] in change else None
        if event in refused:
            return "the program uses %s (%s)" % (refused[event], event)
        return "the program uses memory (%s)" % event if event.startswith("ctypes.") else None

    def hook(event, args):
        if asking[0]:
            return
        why = wrong(event, args)
        if why is not None and not caller():
            give_up(why)
    return hook


def trusted_types():
    """The classes that were there before a candidate ran, by identity."""
    found = {}
    for module in list(sys.modules.values()):
        for v in list(getattr(module, "__dict__", {}).values()):
            if isinstance(v, type):
                found[id(v)] = v
    return found


def guarding(trusted, give_up):
    """The functions that tests compare and compute with, by the names of bake.py. An object
    of a class that a candidate made, with an equality of its own, is unequal to plain values:
    otherwise it could be equal to all of them. Types are told by identity: looking one up in a
    set could run code of its own."""
    bases, namespace_of, flags, identity = values.BASES, candidate.type_names, candidate.type_flags, id
    heap, order, arithmetic, root = candidate.HEAP, ORDER, ARITHMETIC, object
    scalars = {id(t): t for t in (int, float, str, bool, bytes, complex, type(None))}
    lists = {id(t): t for t in (list, tuple, set, frozenset, collections.deque, type({}.values()), type({}.items()), type({}.keys()))}
    mappings = {id(t): t for t in (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)}
    ordered_lists = {id(t): t for t in (list, tuple, collections.deque)}
    tainted = []  # what came of a candidate's object and a plain value
    known = {}  # by type and operators: whether a candidate's code decides what they do
    any_ = getattr(sys.modules.get("unittest.mock"), "_ANY", None)

    def decides(t, names):
        """Whether a candidate's code decides what operators of a type do."""
        key = identity(t), names
        if key not in known:
            known[key] = t, look_through(t, names)
        return known[key][1]

    def look_through(t, names):
        for c in bases(t):
            if c is not root and any([n in namespace_of(c) for n in names]):
                return identity(c) not in trusted and bool(flags(c) & heap)
        return False

    def inside(v, t):
        """The values that a container holds."""
        if identity(t) in lists:
            return v
        if identity(t) in mappings:
            return [*dict.keys(v), *dict.values(v)]
        for base in (list, tuple):
            if issubclass(t, base):
                return [*base.__iter__(v)]
        return [*dict.keys(v), *dict.values(v)] if issubclass(t, dict) else ()

    def holds(v, depth=0):
        """Whether a value is or holds an object whose comparisons a candidate decides."""
        t = type(v)
        if identity(t) in scalars or depth > 200:
            return False
        return decides(t, order) or any([holds(x, depth + 1) for x in inside(v, t)])

    def lies(a, b):
        ta, tb = type(a), type(b)
        if identity(ta) in scalars and identity(tb) in scalars or any_ is not None and (ta is any_ or tb is any_):
            return False
        return holds(a) != holds(b)

    def eq(a, b):
        return False if lies(a, b) else a == b

    def ne(a, b):
        return True if lies(a, b) else a != b

    def ordered(name):
        compare = getattr(operator, name)

        def guard(a, b):
            result = compare(a, b)
            if lies(a, b):
                give_up("tests order an object of the program and a plain value")
            return result
        return guard

    def contains(item, container):
        t = type(container)
        if identity(t) not in lists and identity(t) not in mappings:
            return item in container
        own, others = holds(item), holds(container)
        if own == others and identity(t) not in ordered_lists or not own and not others:
            return item in container
        return any([item is x or eq(item, x) for x in container])

    def computed(name):
        compute = getattr(operator, name)

        def guard(a, b):
            ta, tb = type(a), type(b)
            if identity(ta) in scalars and identity(tb) in scalars:
                return compute(a, b)
            result = compute(a, b)
            if decides(ta, arithmetic) != decides(tb, arithmetic):
                if not decides(type(result), arithmetic):
                    give_up("tests compute a plain value of an object of the program and another value")
                tainted.append(result)
            return result
        return guard

    def look(function, *args, **kwargs):
        for a in args:
            if any([a is x for x in tainted]):
                give_up("tests make a plain value of an object of the program")
        return function(*args, **kwargs)

    def over(kind):
        """map and filter, whose function isn't to end the iteration instead of answering."""
        def guard(function, *iterables):
            def called(*args):
                try:
                    return function(*args)
                except StopIteration:
                    give_up("the program ends an iteration of tests by StopIteration")
            return kind(called if function is not None else None, *iterables)
        return guard

    def chain(functions, *sides):
        for function, a, b in zip(functions, sides, sides[1:]):
            result = function(a, b)
            if not result:
                return result
        return result

    guards = {"eq": eq, "ne": ne, "in": contains, "not_in": lambda x, c: not contains(x, c), "look": look, "chain": chain, "lies": lies,
              "map": over(map), "filter": over(filter)}
    guards.update((n, ordered(n)) for n in ("lt", "le", "gt", "ge"))
    guards.update((n, computed(n)) for n in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "xor"))
    guards.update(("builtin:" + name, v) for name, v in vars(builtins).items())
    guards["give_up"] = give_up
    return guards


def baker(guards):
    """Puts what marks stand for into the constants of code."""
    mark, skip, code_type, text, kind, several, frozen = MARK, len(MARK), types.CodeType, str, type, tuple, frozenset

    def put(constant, original):
        t = kind(constant)
        if t is text and constant.startswith(mark):
            return original if constant == itself else guards[constant[skip:]]
        if t is code_type:
            return bake(constant, original)
        if t is several or t is frozen:
            return t([put(c, original) for c in constant])
        return constant

    def bake(code, original=None):
        return code.replace(co_consts=several([put(c, original) for c in code.co_consts]))

    itself = mark + "original"
    return bake


# The methods of unittest that compare their first two arguments, and what becomes of them
# if one is an object of a candidate's that can't equal the other: they fail, they pass, or
# there is no answer.
FAIL, PASS, OPEN = "fail", "pass", "open"
COMPARING = {
    FAIL: """assertEqual assertListEqual assertTupleEqual assertSetEqual assertDictEqual assertSequenceEqual
        assertMultiLineEqual assertCountEqual assertIn""".split(),
    PASS: "assertNotEqual assertNotIn".split(),
    OPEN: "assertAlmostEqual assertNotAlmostEqual assertLess assertLessEqual assertGreater assertGreaterEqual".split(),
}


def wrap_unittest(bake):
    """Has the comparisons of unittest and of its mocks go through the guards."""
    case, mock = sys.modules.get("unittest.case"), sys.modules.get("unittest.mock")
    if case is not None:
        for what, names in COMPARING.items():
            for name in names:
                original = getattr(case.TestCase, name)
                setattr(case.TestCase, name, like(bake, WRAPPERS[what], original))
    if mock is not None:
        mock._Call.__eq__ = like(bake, mock_equality, mock._Call.__eq__)


def comparing_fails(self, first, second, *args, **kwargs):
    lies, original = "\0ouroflow:lies", "\0ouroflow:original"
    if lies(first, second):
        self.fail("an object of the program can't be equal to a plain value")
    return original(self, first, second, *args, **kwargs)


def comparing_passes(self, first, second, *args, **kwargs):
    lies, original = "\0ouroflow:lies", "\0ouroflow:original"
    if not lies(first, second):
        return original(self, first, second, *args, **kwargs)


def comparing_is_open(self, first, second, *args, **kwargs):
    lies, original, give_up = "\0ouroflow:lies", "\0ouroflow:original", "\0ouroflow:give_up"
    if lies(first, second):
        give_up("tests compare an object of the program and a plain value")
    return original(self, first, second, *args, **kwargs)


def mock_equality(self, other):
    lies, original = "\0ouroflow:lies", "\0ouroflow:original"
    if lies(self, other):
        return False
    return original(self, other)


WRAPPERS = {FAIL: comparing_fails, PASS: comparing_passes, OPEN: comparing_is_open}


def like(bake, function, original):
    """A function whose marks are baked, in the place of another."""
    made = types.FunctionType(bake(function.__code__, original), {}, original.__name__)
    made.__doc__, made.__qualname__ = original.__doc__, original.__qualname__
    return made


def integrity():
    """Remembers what tests rely on. Returns a function that says what of it was replaced, if
    anything was, and one that has the methods of a test case remembered as well."""
    seen, length, listed, mapping, kind = [], len, list, dict, type
    namespace_of, hook, functions = candidate.type_names, "__getattribute__", (types.FunctionType, classmethod, staticmethod)

    for name in [*CHECKED, "builtins"]:
        module = sys.modules.get(name)
        if module is None:
            continue
        seen.append((name, vars(module), mapping(vars(module))))
        for v in listed(vars(module).values()):
            if isinstance(v, kind) and v.__module__ == name and name != "builtins":
                seen.append((name + "." + v.__name__, namespace_of(v), mapping(namespace_of(v))))
    for function in (run, candidate.define, values.frame, confine.fork):
        seen.append(("the sandbox", function.__globals__, mapping(function.__globals__)))

    def replaced():
        for label, now, then in seen:
            if kind(now) is not mapping and (hook in now) != (hook in then):
                return label
            for k, v in mapping.items(then):
                if v is not None and now.get(k, seen) is not v:  # None is to become something later
                    return label
        return None

    def watched(label, case):
        now = namespace_of(case)
        seen.append((label, now, {k: v for k, v in now.items() if kind(v) in functions}))
    return replaced, watched


candidate.MODES["together"] = run
