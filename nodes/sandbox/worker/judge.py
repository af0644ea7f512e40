"""The judge: holds the tests, calls the candidate, and gives the verdict.

Started by ouroflow, which speaks JSON lines over stdin and stdout: the first line in
is the configuration, the first line out says what protections are active, then each
job is answered by its verdict. Needs Python 3.9 or newer.

The candidate is in another process and has never seen the tests. It answers calls;
what it answers is decoded to exact builtin types, so that comparing runs no code of
the candidate's. What stays with the candidate is a Remote here. A Remote never hands
an operand of a comparison over: == means "is the same object".
"""

import ast
import builtins
import ctypes
import functools
import gc
import hashlib
import json
import os
import resource
import select
import signal
import socket
import time
import types

import candidate
import confine
import server
import suspicion
import values

dumps, now = json.dumps, time.monotonic  # also when a test replaces them
IN_PROCESS, SEPARATE = "in_process", "separate"
MOST_STARVED = 10  # times the wall limit that a starved candidate gets at most
OWN_TIME = MOST_STARVED + 1  # times the wall limit after which a test that sleeps in here is given up
OWN_MEMORY = 1 << 30  # bytes that what candidates return may become in here


class Overtime(BaseException):
    """A test took too long on the judge's side."""


class CandidateError(Exception):
    """An exception of no class that there is in here."""


class Remote:
    """What a candidate keeps: a function, a class, an iterator, an object."""

    __slots__ = ("_session", "_number", "_kind", "_type")

    def __init__(self, session, number, kind, type_):
        for name, value in zip(Remote.__slots__, (session, number, kind, type_)):
            object.__setattr__(self, name, value)

    def _ask(self, op, /, *args, **kwargs):
        return self._session.ask(op, self._number, args, kwargs)

    def __call__(self, /, *args, **kwargs):
        return self._ask("call", *args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__name__", "__doc__", "__annotations__"):
            raise AttributeError(name)
        return self._ask("get", name)

    def __setattr__(self, name, value):
        self._ask("set", name, value)

    def __getitem__(self, key):
        return self._ask("item", key)

    def __setitem__(self, key, value):
        self._ask("put", key, value)

    def __iter__(self):
        return self if self._kind == "iterator" else iter(self._ask("iter"))

    def __next__(self):
        return self._ask("next")

    def __len__(self):
        return int(self._ask("len"))

    def __bool__(self):
        return self._kind != "object" or bool(self._ask("bool"))

    def __str__(self):
        return str(self._ask("str"))

    def __repr__(self):
        return str(self._ask("repr"))

    def __instancecheck__(self, other):
        return type(other) is Remote and self._session.ask("is", other._number, (self,), {}) is True

    def __eq__(self, other):
        return type(other) is Remote and other._number == self._number

    def __hash__(self):
        return hash(self._number)


class Clock:
    """The wall time of one candidate. Time during which it was ready but had no processor
    doesn't count: the machine was busy with something else."""

    def __init__(self, wall, control, warden, pid):
        self.limit, self.warden, self.pid = wall, warden, pid
        self.over = polled(control)  # there is something when it has ended
        self.asked, self.begun = now(), None  # until it has its code
        self.starved, self.late = 0.0, False

    def begin(self):
        self.begun = now()

    def wait(self, poll):
        """Polls until there is something. Returns nothing when time is up, even if there is:
        a candidate that never stops talking has no more time than others. One that has ended
        wasn't late."""
        if self.begun is None:
            return poll.poll()
        while not self.late:
            ready = poll.poll(1000 * max(self.left(), 0))
            if ready and (self.left() > 0 or self.over.poll(0)):
                return ready
            self.starved = self.ask_warden()
            self.late = self.left() <= 0.001
        return []

    def left(self):
        """Seconds until time is up."""
        return self.begun + min(self.limit + self.starved, self.limit * MOST_STARVED) - now()

    def ask_warden(self):
        self.warden.send({"starved": self.pid})
        return self.answer("starved")

    def end(self, killing):
        """Has the warden end all that there is of the candidate; killing says whether its
        first process may still be there. If the warden is gone, that may be what ended the
        candidate: then this fails."""
        self.warden.send({"end": self.pid, "killing": killing})

    def ended(self):
        """Waits until nothing of the candidate runs any more."""
        self.answer("ended")

    def answer(self, what):
        """The warden's answer. One that nobody waited for, as time was up, is dropped."""
        while True:
            answer = self.warden.receive()
            if answer["pid"] == self.pid and what in answer:
                return answer[what]

    def passed(self):
        """Seconds since the candidate was asked for."""
        return now() - self.asked


class Watched(values.Channel):
    """A channel to a candidate that ends when the server reports the candidate's end,
    even if something that the candidate started holds its end open, or when its time is
    up."""

    def __init__(self, fd, control, clock):
        super().__init__(fd)
        self.clock = clock
        self.poll = polled(fd, control)
        self.room = polled(control)
        self.room.register(fd, select.POLLOUT)
        os.set_blocking(fd, False)

    def write(self, data):
        """Writes what there is room for. A candidate that doesn't read has no more time than
        others."""
        try:
            return super().write(data)
        except BlockingIOError:
            self.watch(self.room)
            return 0

    def chunk(self):
        self.watch(self.poll)
        return super().chunk()

    def watch(self, poll):
        if all(fd != self.fd for fd, _ in self.clock.wait(poll)):
            raise values.Gone("the candidate has ended, or its time has")


def polled(*files):
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return poll


class Session:
    """The talk with one candidate."""

    def __init__(self, sock, output, control, clock):
        self.sock, self.output, self.clock = sock, output, clock
        self.channel = Watched(sock.fileno(), control, clock)
        self.mine = []  # functions of the tests that the candidate may call
        self.encoder = values.Encoder(self.export)
        self.decoder = values.Decoder(self.remote, self.owned)
        self.lost = None  # why nothing more can be heard
        self.gone = False  # because the candidate closed its end
        self.remotes = {}

    def close(self):
        """Ends the talk for good: what a test keeps of it, in a module say, is not to
        reach the next candidate."""
        self.sock.close()
        self.channel.fd, self.lost = -1, self.lost or "it is over"

    def export(self, v):
        if type(v) is Remote:
            return {"p": v._number}
        if not callable(v):
            raise TypeError("a %s can't be given to the candidate" % type(v).__name__)
        self.mine.append(v)
        return {"h": {"n": len(self.mine) - 1}}

    def owned(self, n):
        return self.mine[values.number(n)] if n >= 0 else None

    def remote(self, x):
        n = values.number(x["n"])
        if n not in self.remotes:
            self.remotes[n] = Remote(self, n, str(x["kind"]), str(x["type"])[:100])
        return self.remotes[n]

    def send(self, message):
        if self.lost:
            raise values.Lost(self.lost)
        try:
            self.channel.send(message)
        except values.Lost as e:
            self.lost, self.gone = str(e), True
            raise

    def part(self):
        """Lets the candidate write out what it printed. Nothing hangs on its answer."""
        try:
            self.send(candidate.BYE)
            self.receive()
        except values.Lost:
            pass

    def receive(self):
        try:
            message = self.channel.receive()
        except values.Lost as e:
            self.lost, self.gone = str(e), type(e) is values.Gone
            raise
        if type(message) is not dict:
            self.lost = "a message is no object"
            raise values.Lost(self.lost)
        return message

    def ask(self, op, on, args, kwargs):
        self.send({"op": op, "on": on, "args": [self.encoder.encode(a) for a in args],
                   "kwargs": {k: self.encoder.encode(a) for k, a in kwargs.items()}})
        while True:
            message = self.receive()
            if "call" in message:
                self.call_back(message)
                continue
            try:
                update(args, self.decoder.read(message.get("args")))
                if "raised" in message:
                    raised = rebuild(message["raised"], op)
                else:
                    return self.decoder.read(message["ok"])
            except (values.Lost, KeyError, TypeError) as e:
                self.lost = "a reply can't be read: %s" % e
                raise values.Lost(self.lost)
            raise raised

    def call_back(self, message):
        """Calls a function of the tests for the candidate."""
        try:
            args = self.decoder.read(message.get("args"))
            reply = {"ok": self.encoder.encode(self.owned(message["call"])(*args))}
        except (values.Lost, Overtime):
            raise
        except Exception as e:
            name, text = candidate.describe(e)
            reply = {"raised": {"type": name, "message": text, "args": [a for a in e.args if type(a) in (str, int, float)]}}
        self.send(reply)


def update(args, after):
    """Puts into arguments what the candidate changed in place."""
    if type(after) is not list or len(after) != len(args):
        return
    for old, new in zip(args, after):
        if type(old) is not type(new):
            continue
        if type(old) in (list, bytearray):
            old[:] = new
        elif type(old) in (dict, set):
            old.clear()
            old.update(new)


def rebuild(raised, op):
    """The exception that the candidate raised: of the first builtin class that it is
    of, so that a test can catch it."""
    if type(raised) is not dict:
        raise TypeError("an exception is no object")
    name, message, args = str(raised["type"])[:100], str(raised["message"])[:1000], raised["args"]
    args = [a for a in args if type(a) in (str, int, float, bool)] if type(args) is list else []
    bases = raised["bases"] if type(raised["bases"]) is list else []
    if "StopIteration" in bases and op != "next":
        return RuntimeError("a function raised StopIteration")  # which would end a test's loop
    for base in bases[:20]:
        kind = getattr(builtins, base, None) if type(base) is str else None
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return (kind if base == name else type(name, (kind,), {}))(*args)
            except (TypeError, ValueError):
                continue  # it wants other arguments, or has a name that no class can have
    return CandidateError(message)


PROGRAMS = {"program", "tool"}  # forms without code in the tests


class Tests:
    """The tests of a problem, compiled, and what they say about how to run them."""

    def __init__(self, form, setup, tests):
        self.form, self.tests = form, tests
        trees = [Tree(t, "<test>") for t in tests] if form not in PROGRAMS else []
        self.codes = [candidate.compiled(t, "<test>", "error") for t in tests] if form not in PROGRAMS else []
        self.setup_code = candidate.compiled(setup, "<setup>", "error") if setup else None
        self.entry = entry_points(trees)
        self.modules = modules(trees)
        whole = trees + ([Tree(setup, "<setup>")] if setup else [])
        self.wanted = identifiers(whole)
        self.imports = rare_modules(whole)
        self.why = in_process_reason(whole)
        self.stateful = any(map(changes_more, whole))


class Tree:
    """The nodes of a program, by their class. What they do to a name, ast.Load say, isn't
    among them."""

    def __init__(self, text, name):
        self.nodes = {}
        todo = [parsed(text, name)]
        for node in todo:
            self.nodes.setdefault(type(node), []).append(node)
            for field in node._fields:
                below = getattr(node, field, None)
                if type(below) is list:
                    todo += [n for n in below if isinstance(n, ast.AST)]
                elif isinstance(below, ast.AST) and field != "ctx":
                    todo.append(below)

    def of(self, *kinds):
        return [node for kind in kinds for node in self.nodes.get(kind, ())]


def parsed(text, name):
    try:
        return ast.parse(text, name)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise candidate.Ended("error", e)


def in_process_reason(trees):
    """Says why tests can't be held by a judge, if so. It goes by the tests alone: a
    candidate has no say in it."""
    for tree in trees:
        if not all(map(is_test_case, tree.of(ast.ClassDef))):
            return "the tests define a class"
        for name in imported(tree):
            if name not in values.PUBLIC | TESTING:
                return "the tests import " + name
    return None


def imported(tree):
    """The packages that a program imports from."""
    names = [a.name for node in tree.of(ast.Import) for a in node.names]
    return [name.partition(".")[0] for name in names + [node.module or "" for node in tree.of(ast.ImportFrom)]]


TESTING = {"unittest", "pytest", "solution", "candidate"}


def is_test_case(node):
    return any(getattr(b, "attr", getattr(b, "id", "")).endswith("TestCase") for b in node.bases)


def entry_points(trees):
    """The builtins that a candidate is to redefine: all tests call them and use no
    other name that isn't their own, so that a problem whose function is called sum
    can be told from one whose tests use the builtin."""
    used, called = set(), []
    for tree in trees:
        names = tree.of(ast.Name)
        used |= {n.id for n in names if isinstance(n.ctx, ast.Load)} - {n.id for n in names if not isinstance(n.ctx, ast.Load)}
        called.append({n.func.id for n in tree.of(ast.Call) if isinstance(n.func, ast.Name)})
    return set.intersection(*called) if called and all(map(is_builtin, used)) else set()


def modules(trees):
    """The modules that the tests use without importing them. A candidate that doesn't
    import them either makes its own, which is none."""
    return values.PUBLIC & {n.value.id for t in trees for n in t.of(ast.Attribute) if isinstance(n.value, ast.Name)}


def identifiers(trees):
    """All names in the tests, so that a candidate need tell of no others; None if they
    import everything."""
    found = set()
    for tree in trees:
        found.update(n.id for n in tree.of(ast.Name))
        found.update(n.attr for n in tree.of(ast.Attribute))
        found.update(n.name for n in tree.of(ast.alias))
    return None if "*" in found else sorted(found)


def rare_modules(trees):
    """The modules that the tests use and that a candidate doesn't have from the start:
    what crosses may be of their types, whatever the candidate does to its imports."""
    found = set()
    for tree in trees:
        found.update(n.id for n in tree.of(ast.Name))
        found.update(n.name for n in tree.of(ast.alias))
        found.update((n.module or "").partition(".")[0] for n in tree.of(ast.ImportFrom))
    return [name for name in server.SELDOM if name in found]


CHANGING = {"setattr", "delattr", "patch", "getcontext", "setcontext", "globals", "vars", "exec", "eval", "setrecursionlimit",
            "update", "pop", "clear", "append", "Thread"}


def changes_more(tree):
    """Whether tests may change more than variables of their own: they assign to what
    others see, such as an attribute of a module, or call what may do that."""
    own = {n.id for n in tree.of(ast.Name) if isinstance(n.ctx, ast.Store)}
    assigned = [n for n in tree.of(ast.Attribute, ast.Subscript) if not isinstance(n.ctx, ast.Load)]
    called = [n.func for n in tree.of(ast.Call) if getattr(n.func, "attr", getattr(n.func, "id", "")) in CHANGING]
    return any(suspicion.root(node) not in own for node in assigned + called)


def is_builtin(name):
    return hasattr(builtins, name)


@functools.lru_cache(maxsize=1024)
def prepare(form, setup, tests):
    return Tests(form, setup, tests)


class Judge:
    def __init__(self, conf, control, warden):
        self.conf = conf
        self.control, self.warden = control, warden

    def judge(self, job):
        """Runs a candidate and returns its verdict."""
        job["cpu_s"] = job["cpu_s"] or self.conf["cpu_s"]
        try:
            tests = prepare(job["form"], job["setup"], tuple(job["tests"]))
        except candidate.Ended as e:
            return dict(e.result(), tests_total=len(job["tests"]), tests_passed=0, judged=SEPARATE)
        out = self.outcome(job, tests)
        if tests.form != "tool":
            out["suspect"] = suspicion.find(job["code"], out)
        return out

    def outcome(self, job, tests):
        if tests.form == "program":
            return self.programs(job, tests)
        if tests.form == "tool":
            return self.tool(job)
        if tests.why or job["in_process"]:
            return self.in_process(job, tests)
        return self.separate(job, tests)

    def start(self, job, mode, stdin=None, imports=(), **more):
        pid = waiting(self.control)
        ours, theirs = socket.socketpair()
        output = os.memfd_create("output")
        fd = os.open(os.devnull, os.O_RDONLY) if stdin is None else file_of(stdin)
        self.control.send({"mode": mode, "cpu_s": job["cpu_s"]}, [theirs.fileno(), fd, output])
        theirs.close()
        os.close(fd)
        session = Session(ours, output, self.control, Clock(self.conf["wall_s"], self.control, self.warden, pid))
        try:
            session.send(dict({name: job[name] for name in ("code", "setup", "clock")}, imports=imports, **more))
        except values.Lost:
            pass  # what became of it, the server says
        return session

    def finish(self, session):
        """Ends the candidate and returns what the server saw of it. One that is gone
        already is dying: how, is worth waiting for."""
        clock, gone = session.clock, session.gone
        session.close()
        if gone:
            clock.wait(clock.over)
        clock.end(killing=not clock.over.poll(0))
        report = self.control.receive()
        if "fault" in report:
            raise OSError(report["fault"])
        clock.ended()
        report.update(late=clock.late, wall_ms=round(1000 * clock.passed(), 3),
                      starved_ms=max(report["starved_ms"], int(1000 * clock.starved)))
        size = os.fstat(session.output).st_size
        report["written"] = os.pread(session.output, size, 0) if size else b""
        os.close(session.output)
        return report

    def separate(self, job, tests):
        session = self.start(job, "serve", imports=tests.imports, names=tests.wanted)
        out = {"tests_passed": 0, "tests_total": len(tests.tests), "judged": SEPARATE}
        try:
            with self.bounds(job):
                result = self.hear(session, tests, out)
        except candidate.Ended as e:
            result = e.result()
        except (Overtime, MemoryError, RecursionError) as e:
            result = unable(e)
        except (values.Lost, KeyError, TypeError, AttributeError):
            result = NONSENSE if not session.gone else None
        if result is not None:
            session.part()
        report = self.finish(session)
        return conclude(job, out, result, report)

    def bounds(self, job):
        return Bounds(job["cpu_s"], self.conf["wall_s"])

    def hear(self, session, tests, out):
        """Runs the tests against a candidate that has begun; returns how that ended."""
        opening = greet(session)
        if "ended" in opening:  # before any test: whatever it says, it is no pass
            return None if ended_as(opening["ended"], "passed") else opening["ended"]
        trial = Trial(session, tests, opening["names"], out)
        return apart(trial, Bounds(self.conf["cpu_s"], self.conf["wall_s"])) if tests.stateful else trial.run()

    def in_process(self, job, tests):
        """Has the candidate run the tests. It says for itself how it went."""
        session = self.start(job, "tests", imports=tests.imports, tests=list(tests.tests), form=tests.form)
        out = {"tests_passed": 0, "tests_total": len(tests.tests), "judged": IN_PROCESS}
        result = None
        try:
            with self.bounds(job):
                message = greet(session)
                while "reached" in message:
                    out["tests_passed"] = min(out["tests_passed"] + 1, len(tests.tests))
                    message = session.receive()
                result = message.get("ended")
        except (Overtime, MemoryError) as e:
            result = unable(e)
        except (values.Lost, TypeError):
            pass
        report = self.finish(session)
        if ended_as(result, "passed") and out["tests_passed"] != len(tests.tests):
            result = {"verdict": "error", "exception": "EarlyExit", "message": "a pass was claimed before the last test ended"}
        elif ended_as(result, "failed"):
            out["failed_test"] = out["tests_passed"]
        return conclude(job, out, result, report)

    def programs(self, job, tests):
        """Runs the candidate as a program, once for each test."""
        out = {"tests_passed": 0, "tests_total": len(tests.tests), "judged": SEPARATE}
        for i, test in enumerate(tests.tests):
            test = json.loads(test)
            result, report = self.program(job, test["input"])
            if ended_as(result, "passed") and lines(report["written"].decode("utf-8", "replace")) != lines(test["output"]):
                result = {"verdict": "failed", "exception": None, "message": "its output differs"}
                out["failed_test"] = i
            out = conclude(job, out, result, merged(out, report))
            if out["verdict"] != "passed":
                return out
            out["tests_passed"] += 1
        return out

    def program(self, job, stdin):
        """Runs a program; returns how it says that it ended, and what the server saw."""
        session = self.start(job, "program", stdin=stdin)
        result = None
        try:
            with self.bounds(job):
                result = greet(session).get("ended")
        except (Overtime, MemoryError) as e:
            result = unable(e)
        except (values.Lost, TypeError):
            pass
        return result, self.finish(session)

    def tool(self, job):
        """Runs a program of ouroflow's own, whose output is wanted."""
        result, report = self.program(job, job["input"])
        out = conclude(job, {"tests_passed": 0, "tests_total": 0, "judged": SEPARATE}, result, report)
        return dict(out, output=report["written"].decode("utf-8", "replace"))


def conclude(job, out, result, report):
    """Makes the verdict from what the judge heard and what the server saw."""
    for name in ("cpu_ms", "wall_ms", "max_rss_kb", "starved_ms", "late"):
        out[name] = report[name]
    if report["written"]:
        out["output_sha256"] = hashlib.sha256(report["written"]).hexdigest()
    sig = report["signal"]
    if result is not None and not checked(result):
        result = NONSENSE  # not the signal by which it was ended then
    if result is not None:
        out.update((k, result.get(k)) for k in ("verdict", "exception", "message"))
    elif report["late"] or sig == signal.SIGXCPU or (sig == signal.SIGKILL and report["cpu_ms"] >= 1000 * job["cpu_s"]):
        out.update(verdict="timeout", message="wall time used up" if report["late"] else "CPU time used up")
    elif sig == signal.SIGXFSZ:
        out.update(verdict="output_limit")
    elif sig:
        out.update(verdict="killed", message="signal %d" % sig)
    else:
        out.update(verdict="error", exception="EarlyExit",
                   message="the process ended with status %d before its tests did" % report["status"])
    return out


def file_of(text):
    fd = os.memfd_create("input")
    os.write(fd, text.encode("utf-8", "surrogatepass"))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def waiting(control):
    """The number of the process that waits to become the candidate."""
    first = control.receive()
    if "ready" not in first:
        raise OSError("the sandbox could not be set up for a candidate: %s" % candidate.clean(str(first)))
    confine.prefer_to_kill(first["ready"])
    return first["ready"]


def greet(session):
    """Waits until the candidate has its code, then for its first word."""
    try:
        session.receive()
    except values.Lost as e:
        raise OSError("a candidate's process ended before it had its code") from e
    session.clock.begin()
    return session.receive()


def unable(error):
    """The result of tests that what the candidate returned was too much for."""
    return candidate.Ended(VERDICT_OF.get(type(error), "error"), error).result()


def apart(trial, bounds):
    """Runs a trial whose tests change more than their own names in a fork, so that the
    next candidate's tests find everything as it was."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with bounds:
                result = trial.run()
        except BaseException as e:
            result = unable(e)
        try:
            session = trial.session
            heard = {"lost": session.lost, "gone": session.gone}, {"late": session.clock.late, "starved": session.clock.starved}
            os.write(theirs, dumps([result, trial.out, *heard]).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        data = b""
        for chunk in iter(lambda: os.read(ours, 65536), b""):
            data += chunk
    finally:
        os.close(ours)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if not data:
        raise Overtime("a test ended the process that it ran in, with status %d" % status)
    result, out, session, clock = json.loads(data)
    trial.out.update(out)
    vars(trial.session).update(session)
    vars(trial.session.clock).update(clock)
    return result


def ended_as(result, verdict):
    return type(result) is dict and result.get("verdict") == verdict


def checked(result):
    """Reports whether a result has the form of one. A candidate may have written it."""
    return type(result) is dict and type(result.get("verdict")) is str and result["verdict"] in VERDICTS and \
        all(result.get(k) is None or type(result[k]) is str and len(result[k]) < 4096 for k in ("exception", "message"))


NONSENSE = {"verdict": "error", "exception": "EarlyExit", "message": "the candidate talks to the judge by itself"}
VERDICT_OF = {Overtime: "timeout", MemoryError: "memory_limit"}
VERDICTS = {"passed", "failed", "error", "syntax_error", "memory_limit", "timeout"}


def merged(out, report):
    """Adds up what several runs of a program used."""
    for name in ("cpu_ms", "wall_ms", "starved_ms"):
        report[name] = round(report[name] + out.get(name, 0), 3)
    report["max_rss_kb"] = max(report["max_rss_kb"], out.get("max_rss_kb", 0))
    return report


def lines(text):
    """The lines of an output without the white space at their ends, and without empty
    ones at its end."""
    return [line.rstrip() for line in text.rstrip().split("\n")]


class Bounds:
    """Bounds what judging one candidate may take in here. What a candidate returns may
    keep a test busy, such as a sum over a range without end: tests get the CPU time
    that a candidate gets, and if they don't even notice that it is up, the process
    ends."""

    def __init__(self, cpu, wall):
        self.cpu, self.wall = cpu, wall

    def __enter__(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit_cpu(int(used.ru_utime + used.ru_stime) + self.cpu + 2)
        signal.setitimer(signal.ITIMER_REAL, OWN_TIME * self.wall)
        signal.setitimer(signal.ITIMER_PROF, self.cpu)

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        limit_cpu(resource.RLIM_INFINITY)


def limit_cpu(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


class Trial:
    """The tests of one candidate, run against it."""

    def __init__(self, session, tests, names, out):
        self.session, self.tests, self.out = session, tests, out
        self.namespace = self.define(names)

    def define(self, names):
        """What the tests see: what the setup defines, then what the candidate does.
        The setup's names and the builtins can't be redefined by a candidate, unless
        the tests are about a function that is called like a builtin."""
        module = types.ModuleType(candidate.NAME)
        namespace = module.__dict__
        if type(names) is not dict:
            raise values.Lost("the candidate announced no names")
        setup = self.tests.setup_code
        done = setup is None or candidate.set_up(setup, namespace)
        for name, value in names.items():
            if name in namespace or name.startswith("__") or is_builtin(name) and name not in self.tests.entry:
                continue
            namespace[name] = __import__(name) if name in self.tests.modules else self.session.decoder.read(value)
        if not done:
            candidate.execute(setup, namespace)
        return namespace

    def run(self):
        candidate.solution(self.namespace)
        for i, code in enumerate(self.tests.codes):
            result = self.one(code)
            if self.session.lost:
                return None if self.session.gone else NONSENSE  # why it is gone, the server knows
            if result:
                self.out["failed_test"] = i
                return result
            self.out["tests_passed"] += 1
        return {"verdict": "passed"}

    def one(self, code):
        """Runs a test; returns its verdict unless it passed."""
        import random
        random.seed(0)
        try:
            candidate.run_test(code, self.namespace, self.tests.form)
        except candidate.Ended as e:
            return self.ended(e)
        return None

    def ended(self, end):
        if type(end.error) is Overtime:
            end.verdict = VERDICT_OF[Overtime]
        trace, line = end.error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<test>":
                line = trace.tb_lineno
            trace = trace.tb_next
        self.out["failed_line"] = line
        return end.result()


def overtime(*_):
    raise Overtime("a test took too long with what the candidate returned")


def guard():
    """Bounds what tests can use up in this process. SIGXCPU ends it with its number:
    a handler in C, since one in Python waits for the code that doesn't end."""
    signal.signal(signal.SIGALRM, overtime)
    signal.signal(signal.SIGPROF, overtime)
    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGXCPU, ctypes.cast(libc._exit, ctypes.c_void_p))
    confine.limit(resource.RLIMIT_AS, OWN_MEMORY, OWN_MEMORY)


def main(conf, control, warden, requests, replies):
    """Judges what is asked for. control leads to the fork server, and warden to the
    warden, which were started before this module was loaded, so that they have no memory
    of it."""
    def reply(message):
        replies.write(json.dumps(message).encode() + b"\n")
        replies.flush()

    try:
        judge = Judge(conf, control, warden)
        first = control.receive()
    except (OSError, values.Lost) as e:
        first = {"fault": str(e)}
    reply(first)
    if "fault" in first:
        return
    # Tests may print and read: not into this conversation.
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    guard()
    server.preload(server.OFTEN + server.SELDOM)
    gc.collect()
    gc.freeze()  # a collection need not look at what stays
    for line in requests:
        try:
            reply(judge.judge(json.loads(line)))
        except (OSError, values.Lost) as e:
            reply({"fault": last_words(control) or str(e)})
            return


def last_words(control):
    """What the server said was wrong with it, if it did."""
    try:
        return control.receive().get("fault")
    except values.Lost:
        return None
