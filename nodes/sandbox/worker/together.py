"""Runs a candidate and its tests in one process, for tests that can't be held apart.

The candidate's code runs first. The tests come after it, as code whose constants hold
all that must not be replaced. What reports how they went holds a word that the judge
knows; it lives in variables of running functions alone. Frames, the collector, memory and
code are the ways to those, and each of them raises an audit event (audit.py): the attempt
then ends without a verdict. So does one whose candidate replaced what tests rely on, if only
for a while: dictionaries count their changes (memory.py). The judge and what reports know
each other by a greeting, which is there before the candidate is.

Functions in here take all that they use from variables of `run`, since a candidate can
reach every module, class and global function of this process.
"""

import _json
import _thread
import builtins
import collections
import gc
import itertools
import marshal
import operator
import posix
import sys
import types
import weakref

import audit
import candidate
import confine
import memory
import values

MARK = "\0ouroflow:"
CHECKED = ("unittest.case", "unittest.suite", "unittest.loader", "unittest.result", "unittest.util", "unittest.mock", "unittest.async_case", "unittest",
           "contextlib", "asyncio.events", "asyncio.runners")
# Modules that programs change by using them.
CHANGEABLE = {"sys", "io", "os", "solution", "candidate"}
# What nothing changes once it is there, but who replaces something of it.
STEADY = values.PUBLIC | {"unittest", "contextlib", "asyncio", "builtins", "the sandbox"}
ORDER = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
COMPUTED = "add sub mul truediv floordiv mod pow xor and or lshift rshift matmul".split()
ARITHMETIC = tuple("__%s%s__" % (r, n) for n in [*COMPUTED, "divmod"] for r in ("", "r", "i"))
# Types of the language that compare as what they hold does.
HOLDERS = (types.MappingProxyType, types.SimpleNamespace, types.CellType, slice, type(list[int]), weakref.ref)
PROXIES = (weakref.ProxyType, weakref.CallableProxyType)  # which compare as what they stand for


def run(channel, job):
    """Runs a candidate, then its tests, and reports."""
    for name in audit.MODULES:
        sys.modules.pop(name, None)
    missing = bring(job["imports"] + ["unittest.mock"] * (job["form"] == "functions"))
    confine.seal(job["filter"])
    confine.libc = confine.python = None
    talk = talker(channel.fd)
    say = talk.say
    trial = tester(job, talk, missing)
    job["imports"], job["greeting"] = [], None
    try:
        namespace, redefined = candidate.define(job, "solution" if job["form"] == "functions" else candidate.NAME)
    except candidate.Ended as e:
        candidate.flush()
        say(b"", **e.result())
        return
    trial(namespace, redefined, job)


def bring(names):
    """Imports what tests want to have, so that it is the library's own. Returns what there
    isn't: the test that wants it will say so."""
    missing = []
    for name in names:
        try:
            __import__(name)
        except Exception:
            sys.modules[name] = None
            missing.append(name)
    complete()
    return missing


def complete():
    """Has modules make what they make when it is first used."""
    events, case = sys.modules.get("asyncio.events"), sys.modules.get("unittest.async_case")
    if hasattr(events, "_init_event_loop_policy"):
        events._init_event_loop_policy()
    if case is not None:
        sys.modules["unittest"].IsolatedAsyncioTestCase = case.IsolatedAsyncioTestCase


class Talk:
    """Nothing but names for two functions."""

    __slots__ = ("hear", "say")


def talker(fd):
    """Functions that talk to the judge, and use nothing that a candidate could replace."""
    read, write, quote, number, raw = posix.read, posix.write, _json.encode_basestring_ascii, int.from_bytes, bytes
    piece, length = bytearray, len
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


def tester(job, talk, missing):
    """What runs the tests of a form after a candidate has run, with all that it needs."""
    hear, say, exit_, form = talk.hear, talk.say, posix._exit, job["form"]
    talk.hear = talk.say = None
    word = [job["greeting"].encode()]  # by which the judge knows that nobody else speaks
    quiet = set()  # threads that may look at what candidates may not

    def give_up(why):
        say(word[0], unfit=why)
        exit_(0)

    bases, listed = values.BASES, list
    guards = guarding(trusted_types(), give_up, job["any"], quiet)
    bake = baker(guards)
    wrap_unittest(bake)
    names = {*job["imports"], *CHECKED} - CHANGEABLE - (set() if job["clock"] is None else {"time", "datetime"})
    replaced, settle, watched = integrity(sorted(names), missing, quiet, strict=not job["changing"])
    memory.disarm()
    sys.addaudithook(audit.auditor(give_up, quiet))
    loads, function, execute = marshal.loads, types.FunctionType, exec
    flush, describe, make_room, line_of = candidate.flush, candidate.describe, candidate.make_room, line_in_test
    shared_names, run_functions, pairs = candidate.shared_names, candidate.run_functions, dict.items
    base, assertion, no_memory, counted, mapping, kind = BaseException, AssertionError, MemoryError, enumerate, dict, type
    builtin_names, modules, here = mapping(vars(builtins)), sys.modules, "solution" if form == "functions" else candidate.NAME
    own_builtins = (vars(builtins), builtins)
    used = {n: modules.get(n) for n in job["modules"]}

    def check(namespace):
        broken = replaced()
        if broken:
            give_up("the program replaces " + broken)
        v = namespace.get("__builtins__", builtin_names)
        if v is not own_builtins[0] and v is not own_builtins[1]:
            give_up("the program replaces __builtins__")

    def ended_by(error):
        """How a test ended that raised."""
        line, of = line_of(error), bases(kind(error))
        if no_memory in of:
            make_room(error)
        verdict = "memory_limit" if no_memory in of else "failed" if assertion in of else "error"
        name, message = describe(error)
        return {"verdict": verdict, "exception": name, "message": message, "failed_line": line}

    def note(i):
        say(word[0], reached=i)

    guards["reached"] = note

    def test_module(code, namespace, changed):
        before = {k: v for k, v in pairs(namespace) if kind(k) is str and not k.startswith("__")}
        own = mapping(before, __name__="__test__", __warningregistry__={})
        execute(code, own)
        watched("variables of tests", own, changed)
        for v in listed(own.values()):
            if kind(v) is kind and v.__module__ == "__test__":
                watched(v.__name__, v, ())
        run_functions(own, before)
        check(namespace)

    def run_all(units, namespace):
        for i, (is_function, code, changed) in counted(units):
            code = bake(code)
            if is_function:
                function(code, namespace)()
                continue
            if form == "functions":
                test_module(code, namespace, changed)
            else:
                execute(code, namespace)
            note(i)

    def others(namespace, there):
        """The names that mean something else to a candidate, if anything."""
        return [n for n, v in pairs(there) if namespace.get(n, v) is not v]

    def trial(namespace, redefined, job):
        check(namespace)
        settle()
        oracles = [name for name in job["oracles"] if name in redefined]
        names = others(namespace, {n: builtin_names[n] for n in job["names"] if n in builtin_names})
        modules_redefined = others(namespace, used)
        if modules_redefined:
            give_up("the program redefines %s, which tests use" % modules_redefined[0])
        for alias in ("solution", "candidate"):
            modules.setdefault(alias, modules.get(here))
        say(word[0], defined=shared_names(namespace, job["stored"]), clash=names, redefined=oracles)
        data = hear()
        if data[:32] != word[0]:
            exit_(1)
        word[0] = data[32:64]
        result = {"verdict": "passed", "exception": None, "message": None}
        try:
            run_all(loads(data[64:]), namespace)
        except base as e:
            result = ended_by(e)
        if result["verdict"] == "passed" and not job["changing"]:
            check(namespace)
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


def trusted_types():
    """The classes that were there before a candidate ran, by identity."""
    found = {}
    for module in list(sys.modules.values()):
        for v in list(getattr(module, "__dict__", {}).values()):
            if isinstance(v, type):
                found[id(v)] = v
    return found


def guarding(trusted, give_up, any_allowed, quiet):
    """The functions that tests compare and compute with, by the names of bake.py. An object
    of a class that a candidate made, with an equality of its own, is unequal to plain values:
    otherwise it could be equal to all of them. Types are told by identity: looking one up in a
    set could run code of its own."""
    bases, namespace_of, flags, identity = values.BASES, candidate.type_names, candidate.type_flags, id
    heap, order, arithmetic, root, text, mapping = candidate.HEAP, ORDER, ARITHMETIC, object, str, dict
    scalars = {id(t): t for t in (int, float, str, bool, bytes, complex, type(None))}
    lists = {id(t): t for t in (list, tuple, set, frozenset, collections.deque, type({}.values()), type({}.items()), type({}.keys()))}
    mappings = {id(t): t for t in (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)}
    ordered_lists = {id(t): t for t in (list, tuple, collections.deque)}
    holders, proxies = ({id(t) for t in several} for several in (HOLDERS, PROXIES))
    containers = (list, tuple, set, frozenset, dict, collections.deque)
    apart = (type, types.ModuleType, types.FunctionType)  # which lead anywhere, and are compared by identity
    tainted = {}  # what came of a candidate's object and a plain value, by identity
    known = {}  # by type and operators: whether a candidate's code decides what they do
    own_tests = {}  # classes that tests made, by identity
    any_ = getattr(sys.modules.get("unittest.mock"), "_ANY", None)
    if any_ is not None and not any_allowed:
        trusted.pop(id(any_), None)
        any_ = None
    function_type, stop, broken = types.FunctionType, StopIteration, RuntimeError
    held_by, threads = audit.quietly(quiet, gc.get_referents), _thread._count

    def is_foreign(c):
        """Whether a class may be a candidate's."""
        return bool(flags(c) & heap) and identity(c) not in trusted and identity(c) not in own_tests

    def decides(t, names):
        """Whether a candidate's code decides what operators of a type do. That of a class of
        its own may change."""
        key = identity(t), names
        if key in known:
            return known[key][1]
        found = look_through(t, names)
        if not any([is_foreign(c) for c in bases(t)]):
            known[key] = t, found
        return found

    def look_through(t, names):
        foreign = [c for c in bases(t) if is_foreign(c)]
        if not foreign:
            return False
        if any([type(k) is not text for c in foreign for k in namespace_of(c)]):
            return True  # a name that is equal to what it likes
        return any([is_foreign(c) for c in map(provider, [t] * len(names), names) if c is not None])

    def provider(t, name):
        """The class that a type has an operator of."""
        for c in bases(t):
            if c is not root and name in namespace_of(c):
                return c
        return None

    def inside(v, t):
        """The values that a container holds, or an object that compares as they do."""
        if identity(t) in lists:
            return v
        if identity(t) in mappings:
            return [*dict.keys(v), *dict.values(v)]
        equality = provider(t, "__eq__")
        if identity(t) in holders or issubclass(t, containers) or equality is not None and flags(equality) & heap:
            return [x for x in held_by(v) if not issubclass(type(x), apart)]
        return ()

    def holds(v, seen=None, depth=0):
        """Whether a value is or holds an object whose comparisons a candidate decides."""
        t = type(v)
        if identity(t) in scalars:
            return False
        if depth > 200:
            give_up("tests compare values that are nested too deeply")
        if decides(t, order) or identity(t) in proxies:
            return True
        seen = {} if seen is None else seen
        if identity(v) in seen:
            return False
        seen[identity(v)] = v
        return any([holds(x, seen, depth + 1) for x in inside(v, t)])

    def plain(t):
        return identity(t) in scalars

    def lies(a, b):
        ta, tb = type(a), type(b)
        if plain(ta) and plain(tb) or any_ is not None and (ta is any_ or tb is any_):
            return False
        return holds(a) != holds(b)

    def still(v):
        """A copy of a container that no thread changes while it is looked at."""
        t = type(v)
        if identity(t) in ordered_lists or t is set or t is frozenset:
            return t([still(x) for x in v])
        return {still(k): still(x) for k, x in mapping.items(v)} if t is mapping else v

    def eq(a, b):
        if threads():
            a, b = still(a), still(b)
        return False if lies(a, b) else a == b

    def ne(a, b):
        if threads():
            a, b = still(a), still(b)
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
            found = provider(t, "__contains__") or t
            if not is_foreign(found) and holds(item) and not (is_foreign(t) and holds(container)):
                give_up("tests look for an object of the program among values")
            return item in container
        own, others = holds(item), holds(container)
        if own == others and identity(t) not in ordered_lists or not own and not others:
            return item in container
        return any([item is x or eq(item, x) for x in container])

    def computed(compute):
        def guard(a, b):
            ta, tb = type(a), type(b)
            if plain(ta) and plain(tb):
                return compute(a, b)
            result = compute(a, b)
            if decides(ta, arithmetic) != decides(tb, arithmetic):
                if not decides(type(result), arithmetic):
                    give_up("tests compute a plain value of an object of the program and another value")
                tainted[identity(result)] = result
            return result
        return guard

    def truth(v):
        """A value that tests look at or write down."""
        if identity(v) in tainted:
            give_up("tests make a plain value of an object of the program")
        return v

    def look(function, *args, **kwargs):
        for a in args:
            truth(a)
        return function(*args, **kwargs)

    def mixed(function, *args, **kwargs):
        """Calls what compares or computes with its arguments."""
        among = inside(args[0], type(args[0])) if len(args) == 1 and identity(type(args[0])) in lists else args
        own = [holds(a) or decides(type(a), arithmetic) for a in among]
        if any(own) and not all(own):
            give_up("tests compare an object of the program and a plain value")
        return look(function, *args, **kwargs)

    def set_of(kind, *args):
        """A set, in which an object that is equal to others would be one with them."""
        if len(args) != 1:
            return kind(*args)
        elements = [*args[0]]
        own = [holds(x) for x in elements]
        if any(own) and not all(own):
            give_up("tests make a set of objects of the program and plain values")
        return kind(elements)

    def mapped(kind, function, *iterables):
        """What calls a function again and again, which the function can't end."""
        if type(function) is not function_type:
            return kind(function, *iterables)

        def called(*args):
            try:
                return function(*args)
            except stop as e:
                raise broken("the program ends an iteration of the tests") from e
        return kind(called, *iterables)

    def key(v):
        """A value that tests look up, or match, among plain ones."""
        if holds(v):
            give_up("tests look up an object of the program among plain values")
        return v

    def item(container, index):
        if identity(type(container)) in mappings and not plain(type(index)) and holds(index) and not holds(container):
            key(index)
        return container[index]

    def method(owner, name, *args):
        """Calls a method that compares its first argument."""
        t = type(owner)
        if identity(t) in lists or identity(t) in mappings or plain(t):
            if holds(args[0]) and not holds(owner):
                key(args[0])
        return getattr(owner, name)(*args)

    def operand(v):
        if decides(type(v), arithmetic):
            give_up("tests compute in place with an object of the program")
        return v

    def chain(functions, *sides):
        for function, a, b in zip(functions, sides, sides[1:]):
            result = function(a, b)
            if not result:
                return result
        return result

    def own(c):
        """A class that tests made, of nothing that is a candidate's."""
        if not any([is_foreign(b) for b in bases(c)[1:]]):
            own_tests[identity(c)] = c
        return c

    guards = {"eq": eq, "ne": ne, "in": contains, "not_in": lambda x, c: not contains(x, c), "look": look, "chain": chain, "lies": lies,
              "truth": truth, "mixed": mixed, "set_of": set_of, "mapped": mapped, "key": key, "item": item, "method": method, "operand": operand, "own": own,
              "elements": lambda v: [*v], "asserted": asserting(give_up, bases, namespace_of)}
    guards.update((n, ordered(n)) for n in ("lt", "le", "gt", "ge"))
    guards.update((n, computed(getattr(operator, "__%s__" % n))) for n in COMPUTED)
    guards["divmod"] = computed(divmod)
    guards.update(("i" + n, computed(getattr(operator, "__i%s__" % n))) for n in COMPUTED)
    guards.update(("builtin:" + name, v) for name, v in vars(builtins).items())
    guards["give_up"], guards["skips"] = give_up, candidate.skips
    guards["Runner"] = getattr(sys.modules.get("asyncio"), "Runner", None)
    case = sys.modules.get("unittest.case")
    guards["stop"], guards["skip"] = getattr(case, "_ShouldStop", None), getattr(case, "SkipTest", None)
    return guards


def asserting(give_up, bases, namespace_of):
    """A function that calls what a mock asserts, whatever the program has made of the mock."""
    mock = sys.modules.get("unittest.mock")
    if mock is None:
        return lambda owner, name, /, *args, **kwargs: getattr(owner, name)(*args, **kwargs)
    kind, call, calls = mock.NonCallableMock, mock._Call, mock._CallList
    own = {c: dict(namespace_of(c)) for c in vars(mock).values() if isinstance(c, type) and issubclass(c, kind)}
    fields = {"_mock_call_args": (call, type(None)), "_mock_call_count": (int,), "_mock_called": (bool,)}
    lists = "_mock_call_args_list", "_mock_mock_calls", "_mock_method_calls"

    def genuine(m):
        """Whether a mock remembers calls as mocks do, and says so by methods of mocks."""
        state = object.__getattribute__(m, "__dict__")
        return (all([type(state.get(f, None)) in kinds for f, kinds in fields.items() if f in state]) and
                all([type(state[f]) is calls and all([type(c) is call for c in state[f]]) for f in lists if type(state.get(f)) is not type(None)]) and
                not any([k.startswith(("assert_", "call")) for k in [*namespace_of(type(m)), *state] if type(m) not in own or k in state]))

    def guard(owner, name, /, *args, **kwargs):
        if kind in bases(type(owner)) and not genuine(owner):
            give_up("the program changes a mock that it is handed")
        return getattr(owner, name)(*args, **kwargs)
    return guard


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
FAIL, PASS, OPEN, ELEMENTS = "fail", "pass", "open", "elements"
COMPARING = {
    FAIL: """assertEqual assertListEqual assertTupleEqual assertSetEqual assertDictEqual
        assertMultiLineEqual assertIn""".split(),
    ELEMENTS: "assertSequenceEqual assertCountEqual".split(),
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
        for owner, name in (case._Outcome, "testPartExecutor"), (case.TestCase, "subTest"):
            setattr(owner, name, like(bake, hiding, getattr(owner, name)))  # whose variables others could change
        case.TestCase.tearDown_exceptions = []
        case.TestCase.doClassCleanups = classmethod(like(bake, cleaning, case.TestCase.doClassCleanups.__func__))
        asynchronous = getattr(sys.modules.get("unittest.async_case"), "IsolatedAsyncioTestCase", case.TestCase)
        for owner, name in itertools.product({case.TestCase, asynchronous}, CALLING):
            if name in vars(owner):
                setattr(owner, name, like(bake, calling, getattr(owner, name)))
    if "unittest.async_case" in sys.modules and hasattr(sys.modules["asyncio"], "Runner"):
        sys.modules["unittest.async_case"].IsolatedAsyncioTestCase._setupAsyncioRunner = like(bake, runner_of, None)
    if mock is not None:
        mock._Call.__eq__ = like(bake, mock_equality, mock._Call.__eq__)


def comparing_fails(self, first, second, *args, **kwargs):
    lies, original = "\0ouroflow:lies", "\0ouroflow:original"
    if lies(first, second):
        self.fail("an object of the program can't be equal to a plain value")
    return original(self, first, second, *args, **kwargs)


def comparing_elements(self, first, second, *args, **kwargs):
    lies, elements, original = "\0ouroflow:lies", "\0ouroflow:elements", "\0ouroflow:original"
    hasattr = "\0ouroflow:builtin:hasattr"
    if hasattr(first, "__next__"):
        first = elements(first)
    if hasattr(second, "__next__"):
        second = elements(second)
    if lies(elements(first), elements(second)):
        self.fail("an object of the program can't be equal to a plain value")
    return original(self, first, second, *args, **kwargs)


def hiding(self, *args, **kwargs):
    original = "\0ouroflow:original"
    return original(self, *args, **kwargs)


CALLING = "_callTestMethod", "_callSetUp", "_callTearDown"


def calling(self, *args):
    """Calls a test or what prepares it, which ends early only by what it does itself."""
    original, stop, skips, RuntimeError = "\0ouroflow:original", "\0ouroflow:stop", "\0ouroflow:skips", "\0ouroflow:builtin:RuntimeError"
    skip = "\0ouroflow:skip"
    try:
        return original(self, *args)
    except (stop, skip) as e:
        if not skips(e, self):
            raise RuntimeError("the program ends its test")
        raise


def runner_of(self):
    """Makes what runs async tests, which isn't to look at frames."""
    Runner, getattr = "\0ouroflow:Runner", "\0ouroflow:builtin:getattr"
    factory = getattr(self, "loop_factory", None)
    self._asyncioRunner = Runner(loop_factory=factory)


def cleaning(cls):
    """Leaves a class as it is if there is nothing to clean up."""
    original = "\0ouroflow:original"
    return original(cls) if cls._class_cleanups else None


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


WRAPPERS = {FAIL: comparing_fails, PASS: comparing_passes, OPEN: comparing_is_open, ELEMENTS: comparing_elements}


def like(bake, function, original):
    """A function whose marks are baked, in the place of another."""
    made = types.FunctionType(bake(function.__code__, original), {}, getattr(original, "__name__", function.__name__))
    made.__doc__, made.__qualname__ = original.__doc__, getattr(original, "__qualname__", function.__name__)
    return made


def integrity(names, missing, quiet, strict):
    """Remembers what tests rely on. Returns a function that says what of it was replaced, if
    anything was, and one that has the names of another space remembered as well. With
    strict, what was replaced and put back counts, once the candidate's code has run."""
    seen, mapping, kind, modules = [], dict, type, sys.modules
    namespace_of, hook = candidate.type_names, "__getattribute__"
    counter = audit.quietly(quiet, memory.counting())
    entries = [(name, modules[name]) for name in names if modules.get(name) is not None]

    def remember(label, now, then, exact):
        count = counter(now)
        seen.append([label, now, then, count, count.value, exact])

    for label, now in relied_on([*entries, ("builtins", builtins)]):
        remember(label, now, mapping(now), False)

    def other_modules():
        """The first module that isn't the one that it was."""
        for name in missing:
            if modules.get(name, seen) is not None:
                return name
        for name, module in entries:
            if modules.get(name) is not module:
                return name
        return None

    def replaced():
        for label, now, then, count, before, exact in seen:
            if count.value != before and (exact or differs(now, then)):
                return label
        return other_modules()

    def settle():
        """From now on, nothing that tests rely on changes by itself."""
        for entry in seen:
            entry[4], entry[5] = entry[3].value, strict and entry[0].partition(".")[0] in STEADY

    def differs(now, then):
        if kind(now) is not mapping and (hook in now) != (hook in then):
            return True
        for k, v in mapping.items(then):
            if v is not None and now.get(k, seen) is not v:  # None is to become something later
                return True
        return False

    def watched(label, space, changing):
        """Has variables of tests remembered, or what is in a class of theirs."""
        if kind(space) is mapping:
            remember(label, space, {k: v for k, v in space.items() if k not in changing}, strict and not changing)
            return
        steady = strict and settle_case(space)
        names = namespace_of(space)
        remember(label, names, {k: v for k, v in names.items() if kind(v) in FUNCTIONS}, steady)
    return replaced, settle, watched


FUNCTIONS = types.FunctionType, classmethod, staticmethod


def settle_case(case):
    """Makes the changes to a test case that running it makes. Says whether there are no
    others."""
    unittest = sys.modules.get("unittest.case")
    if unittest is None or not issubclass(case, unittest.TestCase):
        return False
    case._classSetupFailed = False
    return getattr(case.setUpClass, "__func__", None) is unittest.TestCase.setUpClass.__func__


def relied_on(modules):
    """The variables of modules and of the sandbox, and what is in classes, by their names."""
    for name, module in modules:
        yield name, vars(module)
        for v in list(vars(module).values()):
            if isinstance(v, type) and v.__module__ == name and candidate.type_flags(v) & candidate.HEAP:
                yield name + "." + v.__name__, candidate.type_names(v)
    for function in (run, candidate.define, values.frame, confine.fork, audit.auditor, memory.disarm):
        yield "the sandbox", function.__globals__


candidate.MODES["together"] = run
