"""The judge: holds the tests, calls the candidate, and gives the verdict.

Started by ouroflow, which speaks JSON lines over stdin and stdout: the first line in
is the configuration, the first line out says what protections are active, then each
job is answered by its verdict. Needs Python 3.9 or newer.

Tests are held apart where that gives the verdict that one process would give: the
candidate is in another process and never sees them. It answers calls; what it answers
is decoded to exact builtin types, so that comparing runs no code of the candidate's.
What stays with the candidate is a Remote here.

Where tests do what can't be done at a distance, the attempt ends without a verdict, and
the candidate runs again with its tests in one process: see together.py.
"""

import builtins
import ctypes
import functools
import gc
import hashlib
import json
import os
import resource
import select
import secrets
import signal
import socket
import sys
import time
import types
import warnings

import alike
import analysis
import bake
import candidate
import confine
import remote
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
            self.starved = self.ask("starved")
            self.late = self.left() <= 0.001
        return []

    def left(self):
        """Seconds until time is up."""
        return self.begun + min(self.limit + self.starved, self.limit * MOST_STARVED) - now()

    def ask(self, what):
        """Asks the warden about the candidate."""
        self.warden.send({what: self.pid})
        return self.answer(what)

    def end(self, killing):
        """Has the warden end all that there is of the candidate; killing says whether its
        first process may still be there. If the warden is gone, that may be what ended the
        candidate: then this fails."""
        self.warden.send({"end": self.pid, "killing": killing})

    def ended(self):
        """Waits until nothing of the candidate runs any more. Returns the CPU milliseconds of
        what it had left running."""
        return self.answer("ended")

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
        self.held = []  # values that both sides have, and what they were
        self.involved = False  # whether tests used what isn't quite the same at a distance
        self.why = None  # what can't be done at a distance

    def close(self):
        """Ends the talk for good: what a test keeps of it, in a module say, is not to
        reach the next candidate."""
        self.sock.close()
        self.channel.fd, self.lost = -1, self.lost or "it is over"

    def unsupported(self, why):
        """What to raise when tests do what can't be done at a distance."""
        self.why = self.why or str(why)[:candidate.MESSAGE_LIMIT]
        return remote.Unsupported(self.why)

    def export(self, v):
        if type(v) is remote.Remote:
            return {"p": v._number}
        if not callable(v) or isinstance(v, type):
            raise values.Unfit("tests hand over a value of the type " + type(v).__name__)
        self.involved = True  # the candidate may look at more of it than a call
        self.mine.append(v)
        return {"h": {"n": len(self.mine) - 1}}

    def owned(self, n):
        return self.mine[values.number(n)] if n >= 0 else None

    def remote(self, x):
        n = values.number(x["n"])
        if n not in self.remotes:
            self.remotes[n] = remote.Remote(self, n, str(x["kind"]), str(x["type"])[:100])
        return self.remotes[n]

    def send(self, message):
        if self.lost:
            raise values.Lost(self.lost)
        try:
            self.channel.send(message)
        except values.Lost as e:
            self.lost, self.gone = str(e), True
            raise

    def write(self, data):
        """Sends bytes as they are."""
        try:
            self.channel.send_bytes(data)
        except values.Lost as e:
            self.lost, self.gone = str(e), True
            raise

    def part(self):
        """Lets the candidate write out what it printed. Nothing depends on its answer."""
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
        if self.why:
            raise remote.Unsupported(self.why)
        given = [*args, *kwargs.values()]
        try:
            if any(self.encoder.encode(v) != before for v, before in self.held):
                raise values.Unfit("tests change a value that the program holds")
            written = self.encoder.encode_all(given)
        except values.Unfit as e:
            raise self.unsupported(e)
        self.send({"op": op, "on": on, "args": written[:len(args)], "kwargs": dict(zip(kwargs, written[len(args):]))})
        while True:
            message = self.receive()
            if "call" not in message:
                return self.answer(op, given, message)
            self.call_back(message)

    def answer(self, op, given, message):
        """What the candidate's answer stands for: a value, or an exception that is raised."""
        if "unfit" in message:
            raise self.unsupported(message["unfit"])
        try:
            changes = message.get("args", {})
            remote.update(given, {i: self.decoder.read(v) for i, v in changes.items()})
            for i in message.get("kept", ()):
                self.held.append((given[i], self.encoder.encode(given[i])))
            if "given" in message:
                return given[message["given"]]
            if "raised" not in message:
                result = self.decoder.read(message["ok"])
                if message.get("held"):
                    self.held.append((result, self.encoder.encode(result)))
                return result
            raised = remote.rebuild(message["raised"], op, self)
        except values.Unfit as e:
            raise self.unsupported(e)
        except (values.Lost, KeyError, TypeError, ValueError, AttributeError, IndexError) as e:
            self.lost = "a reply can't be read: %s" % e
            raise values.Lost(self.lost)
        raise raised

    def call_back(self, message):
        """Calls a function of the tests for the candidate."""
        try:
            args = [self.decoder.read(a) for a in message.get("args", ())]
            kwargs = {k: self.decoder.read(a) for k, a in message.get("kwargs", {}).items()}
            reply = {"ok": self.encoder.encode(self.owned(message["call"])(*args, **kwargs))}
            after = self.encoder.encode_all(args)
            if after != message["args"]:
                raise values.Unfit("a function of the tests changes its argument")
        except values.Unfit as e:
            raise self.unsupported(e)
        except (values.Lost, Overtime, remote.Unsupported, MemoryError):
            raise
        except BaseException as e:
            if getattr(builtins, type(e).__name__, None) is not type(e):
                raise self.unsupported("a function of the tests raises " + type(e).__name__)
            name, text = candidate.describe(e)
            reply = {"raised": {"type": name, "message": text, "args": [a for a in e.args if type(a) in (str, int, float)]}}
        self.send(reply)


@functools.lru_cache(maxsize=1024)
def prepare(form, setup, sources):
    return analysis.Tests(form, setup, sources)


@functools.lru_cache(maxsize=1024)
def baked(form, sources, shared):
    """The tests of a problem as they run in one process with a candidate."""
    return bake.tests(form, sources, shared)


COMPARED = "fractions pathlib uuid ipaddress statistics numbers inspect enum dataclasses".split()


def compared(code):
    """Modules of a candidate's whose objects have an equality, which is the library's only if
    they come before it."""
    return [name for name in COMPARED if name in code]


class Judge:
    def __init__(self, conf, control, warden):
        self.conf = conf
        self.control, self.warden = control, warden

    def judge(self, job):
        """Runs a candidate and returns its verdict."""
        job["cpu_s"] = job["cpu_s"] or self.conf["cpu_s"]
        job["wall_s"] = min(job["wall_s"] or self.conf["wall_s"], self.conf["wall_s"])
        if job["form"] == "tool":
            return self.tool(job)
        if job["form"] == "examine":
            return {"verdict": "passed", "output": dumps(analysis.examine(job["code"], job["setup"], job["tests"]))}
        if job["form"] == "alike":
            return {"verdict": "passed", "output": alike.key(job["code"], job["tests"]) or ""}
        if job["form"] == "suspect":
            how = {"verdict": job["input"], "exception": job["setup"]}
            return {"verdict": job["input"], "suspect": suspicion.find(job["code"], how)}
        out = {"tests_passed": 0, "tests_total": len(job["tests"]), "judged": SEPARATE}
        if not job["tests"]:
            return dict(out, **without_verdict("there are no tests"))
        try:
            problem = prepare(job["form"], job["setup"], tuple(job["tests"]))
            if problem.missing:
                return dict(out, **without_verdict("tests import %s, which isn't there; check_tests finds such problems first" % problem.missing))
            out = self.programs(job, out) if job["form"] == "program" else self.outcome(job, problem, out)
        except candidate.Ended as e:
            return dict(out, **without_verdict("tests don't parse: %s; check_tests finds such problems first" % e.message))
        out["suspect"] = suspicion.find(job["code"], out)
        if job["apart"] and out["judged"] == IN_PROCESS and out["verdict"] == "passed":
            out["suspect"] = out["suspect"] or "avoids_judge"
        return out

    def outcome(self, job, problem, out):
        """The verdict of tests held apart, or, where these can't be, of tests in one process
        with the candidate."""
        why = problem.why or job["in_process"] and "it was asked for"
        if not why and problem.random and "random" in job["code"]:
            why = "tests and program share random numbers"
        if not why:
            result, why = self.separate(job, problem, dict(out))
            if not why:
                return result
        if job["separate_only"]:
            return dict(out, **without_verdict(why))
        return self.together(job, problem, dict(out, judged=IN_PROCESS, judged_reason=why))

    def start(self, job, mode, stdin=None, imports=(), **more):
        pid = waiting(self.control)
        ours, theirs = socket.socketpair()
        output = os.memfd_create("output")
        fd = os.open(os.devnull, os.O_RDONLY) if stdin is None else file_of(stdin)
        self.control.send({"mode": mode, "cpu_s": job["cpu_s"]}, [theirs.fileno(), fd, output])
        theirs.close()
        os.close(fd)
        session = Session(ours, output, self.control, Clock(job["wall_s"], self.control, self.warden, pid))
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
        report["cpu_ms"] += clock.ended()
        report.update(late=clock.late, wall_ms=round(1000 * clock.passed(), 3),
                      starved_ms=max(report["starved_ms"], int(1000 * clock.starved)))
        size = os.fstat(session.output).st_size
        report["written"] = os.pread(session.output, size, 0) if size else b""
        os.close(session.output)
        return report

    def separate(self, job, problem, out):
        """Holds the tests apart. Returns what came of it, and what couldn't be done at a
        distance if that counts: then there is no verdict."""
        session = self.start(job, "serve", imports=problem.imports, names=problem.read, stored=problem.stored)
        try:
            with Bounds(job["cpu_s"], job["wall_s"]):
                result = self.hear(session, problem, out)
        except candidate.Ended as e:
            result = e.result()
        except remote.Unsupported:
            result = None
        except values.Unfit as e:
            result = session.unsupported(e) and None
        except (Overtime, MemoryError, RecursionError) as e:
            result = unable(e)
        except (values.Lost, KeyError, TypeError, AttributeError, ValueError):
            result = NONSENSE if not session.gone else None
        if result is not None and not session.why:
            session.part()
        why = session.why
        report = self.finish(session)
        out = conclude(job, out, result, report)
        if not why and session.involved and out["verdict"] in ("failed", "error"):
            why = "what isn't a plain value may look different at a distance"
        return out, why

    def hear(self, session, problem, out):
        """Runs the tests against a candidate that has begun; returns how that ended."""
        opening = greet(session)
        if "ended" in opening:  # before any test: whatever it says, it is no pass
            return None if ended_as(opening["ended"], "passed") else opening["ended"]
        clash = [name for name in opening.get("redefined", ()) if name in problem.read]
        if clash:
            raise session.unsupported("the program redefines %s of the setup" % clash[0])
        if opening.get("shared"):
            raise session.unsupported("tests change the variable %s of the program" % opening["shared"][0])
        return Trial(session, problem, opening["names"], out).run()

    def together(self, job, problem, out):
        """Has the candidate's process run the tests, when the candidate's code has run."""
        greeting = secrets.token_hex(16)
        session = self.start(
            job, "together", imports=problem.mentioned + compared(job["code"]), names=problem.read, stored=problem.stored, form=problem.form,
            filter=self.conf["seal"], changing=problem.changing, oracles=problem.oracles, modules=problem.unbound, any=problem.any,
            greeting=greeting)
        try:
            result = self.watch(session, job, problem, out, greeting)
        except values.Lost:
            result = NONSENSE if not session.gone else None
        except (KeyError, TypeError, ValueError, AttributeError):
            result = NONSENSE
        report = self.finish(session)
        if result is None and report["signal"] == signal.SIGSYS:
            result = without_verdict("the program starts processes or handles signals while it shares one with its tests")
        return conclude(job, out, result, report)

    def watch(self, session, job, problem, out, greeting):
        """Gives the tests to a candidate whose code has run, and hears how they went. The
        greeting is what both know each other by, and the word proves what is said later."""
        word = secrets.token_hex(16)
        opening = greet(session)
        refused = self.refusal(session, problem, opening, greeting)
        if refused:
            return refused
        shared = frozenset(opening["defined"]).intersection(problem.stored)
        changed = analysis.may_change(job["code"], shared if problem.hides else problem.variables, problem.variables)
        if changed:
            return without_verdict("the program may change the variable %s of tests" % changed)
        session.write((greeting + word).encode() + baked(problem.form, tuple(problem.tests), shared | frozenset(opening["clash"])))
        while True:
            message = session.receive()
            if "unfit" in message:
                return without_verdict(message["unfit"])
            if message.get("word") != word:
                return NONSENSE
            if "reached" in message:
                out["tests_passed"] += 1
                continue
            if ended_as(message, "passed"):
                return message if out["tests_passed"] == len(problem.tests) else NONSENSE
            out.update(failed_test=out["tests_passed"], failed_line=message.get("failed_line"))
            return message

    def refusal(self, session, problem, opening, greeting):
        """How a candidate ends that can't have the tests in its process, if so."""
        if "verdict" in opening or "ended" in opening:  # before any test: it is no pass
            result = opening if "verdict" in opening else opening["ended"]
            return NONSENSE if ended_as(result, "passed") else result
        if "unfit" in opening:
            return without_verdict(opening["unfit"])
        if opening.get("word") != greeting:
            return NONSENSE
        if opening["redefined"]:
            return without_verdict("the program redefines %s of the setup" % opening["redefined"][0])
        clash = [name for name in opening["clash"] if name not in problem.entry]
        if clash:
            return without_verdict("the program redefines %s, which tests use" % clash[0])
        others = session.clock.ask("company")
        return without_verdict("the program leaves %s running" % others) if others else None

    def programs(self, job, out):
        """Runs the candidate as a program, once for each test."""
        total = {}
        for i, test in enumerate(job["tests"]):
            test = json.loads(test)
            result, report = self.program(job, job["code"], test["input"])
            one = conclude(job, {}, result, report)
            if one["verdict"] == "passed":
                one.update(self.compare(job, test, report["written"]))
            merge(total, one)
            out.update(one, **total)
            if out["verdict"] != "passed":
                return dict(out, failed_test=i)
            out["tests_passed"] += 1
        return out

    def compare(self, job, test, written):
        """The verdict on what a program wrote."""
        checker = test.get("checker") or job["checker"]
        if not checker:
            return {"verdict": "passed"} if same_output(written.decode("utf-8", "replace"), test["output"], job["compare"]) \
                else {"verdict": "failed", "message": "its output differs"}
        asked = dumps({"input": test["input"], "output": written.decode("utf-8", "replace"), "expected": test["output"]})
        _, report = self.program(job, checker, asked)
        if report["signal"] or report["late"] or report["status"] not in (0, 1):
            return without_verdict("the checker ended with status %d, signal %d" % (report["status"], report["signal"]))
        if report["status"] == 0:
            return {"verdict": "passed"}
        return {"verdict": "failed", "message": candidate.clean(report["written"].decode("utf-8", "replace").strip()) or "the checker refuses its output"}

    def program(self, job, code, stdin):
        """Runs a program to its end. It passes by the status that it ends with: what it says
        itself counts only for how it failed."""
        session = self.start(dict(job, code=code), "program", stdin=stdin)
        said = None
        try:
            said = greet(session).get("ended")
            while session.receive():
                pass
        except (values.Lost, TypeError, AttributeError):
            pass
        report = self.finish(session)
        ended = not report["signal"] and not report["late"]
        if ended and report["status"] == 0:
            said = {"verdict": "passed"}
        elif not ended or not checked(said) or said["verdict"] == "passed":
            said = ended and {"verdict": "error", "exception": "SystemExit", "message": "it ended with status %d" % report["status"]} or None
        return said, report

    def tool(self, job):
        """Runs a program of ouroflow's own, whose output is wanted."""
        result, report = self.program(job, job["code"], job["input"])
        out = conclude(job, {"tests_passed": 0, "tests_total": 0, "judged": SEPARATE}, result, report)
        return dict(out, output=report["written"].decode("utf-8", "replace"))


CPU_MARGIN = 1.2  # by which the processes of a candidate together may exceed the limit that each has


def without_verdict(why):
    return {"verdict": "unsupported", "exception": None, "message": candidate.clean(str(why))}


def conclude(job, out, result, report):
    """Makes the verdict from what the judge heard and what the server saw."""
    for name in ("cpu_ms", "wall_ms", "max_rss_kb", "starved_ms", "late"):
        out[name] = report[name]
    if report["written"]:
        out["output_sha256"] = hashlib.sha256(report["written"]).hexdigest()
    sig = report["signal"]
    if result is not None and not checked(result):
        result = NONSENSE  # not the signal by which it was ended then
    said = report["written"].decode("utf-8", "replace") + str((result or {}).get("message"))
    out["placed"] = "<candidate>" in said or "main.py" in said
    if report["cpu_ms"] > CPU_MARGIN * 1000 * job["cpu_s"] and result is not None:
        out.update(verdict="timeout", exception=None, message="CPU time used up by all its processes")
    elif result is not None:
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


def same_output(got, want, how):
    """Whether two outputs are the same: by lines without the white space at their ends, or by
    words, numbers among them within a tolerance."""
    if how["space"] == "exact":
        return got == want
    if how["space"] == "lines":
        got, want = lines(got), lines(want)
        if got == want or not (how["absolute"] or how["relative"]):
            return got == want
        return len(got) == len(want) and all(map(functools.partial(same_words, how=how), got, want))
    return same_words(got, want, how)


def same_words(got, want, how):
    got, want = got.split(), want.split()
    return len(got) == len(want) and all(a == b or close(a, b, how) for a, b in zip(got, want))


def close(a, b, how):
    """Whether two words are numbers that differ by no more than the tolerance."""
    if not (how["absolute"] or how["relative"]):
        return False
    try:
        a, b = float(a), float(b)
    except ValueError:
        return False
    return abs(a - b) <= max(how["absolute"], how["relative"] * abs(b))


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


def ended_as(result, verdict):
    return type(result) is dict and result.get("verdict") == verdict


def checked(result):
    """Reports whether a result has the form of one. A candidate may have written it."""
    return type(result) is dict and type(result.get("verdict")) is str and result["verdict"] in VERDICTS and \
        all(result.get(k) is None or type(result[k]) is str and len(result[k]) < 4096 for k in ("exception", "message"))


NONSENSE = {"verdict": "error", "exception": "EarlyExit", "message": "the candidate talks to the judge by itself"}
VERDICT_OF = {Overtime: "timeout", MemoryError: "memory_limit"}
VERDICTS = {"passed", "failed", "error", "syntax_error", "memory_limit", "timeout", "unsupported"}


def merge(total, one):
    """Adds up what several runs of a program used."""
    for name in ("cpu_ms", "wall_ms", "starved_ms"):
        total[name] = round(one[name] + total.get(name, 0), 3)
    total["max_rss_kb"] = max(one["max_rss_kb"], total.get("max_rss_kb", 0))


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

    def __init__(self, session, problem, names, out):
        self.session, self.problem, self.out = session, problem, out
        self.namespace = self.define(names)

    def define(self, names):
        """What the tests see: what the setup defines, then what the candidate does. Where a
        candidate redefines what tests have of the setup or of the language, unless they are
        about it, tests can't be held apart."""
        problem = self.problem
        namespace = types.ModuleType(candidate.NAME).__dict__
        if type(names) is not dict:
            raise values.Lost("the candidate announced no names")
        setup = problem.setup_code
        done = setup is None or candidate.set_up(setup, namespace)
        for name, value in names.items():
            if name.startswith("__") or name not in problem.read:
                continue
            if name in problem.caught and not is_builtin_of(name, value):
                raise self.session.unsupported("tests catch " + name)
            if name in problem.modules:
                namespace[name] = __import__(name)
            elif not is_builtin_of(name, value):
                self.bind(namespace, name, value)
        if not done:
            candidate.execute(setup, namespace)
        namespace.update(remote.GUARDED)
        namespace[analysis.TYPE_OF] = remote.type_of
        return namespace

    def bind(self, namespace, name, value):
        if type(value) is dict and "u" in value:
            raise self.session.unsupported(value["u"])
        if name in namespace:
            return  # the setup's
        if analysis.is_builtin(name) and name not in self.problem.entry:
            raise self.session.unsupported("the program redefines %s, which tests use" % name)
        namespace[name] = self.session.decoder.read(value)

    def run(self):
        self.importable()
        for i, code in enumerate(self.problem.codes):
            result = self.one(code)
            if self.session.lost:
                return None if self.session.gone else NONSENSE  # why it is gone, the server knows
            if result or self.session.why:
                self.out["failed_test"] = i
                return result
            self.out["tests_passed"] += 1
        return {"verdict": "passed"}

    def importable(self):
        """Lets tests import the candidate."""
        for name in analysis.OURSELVES:
            module = types.ModuleType(name)
            module.__dict__.update({k: v for k, v in self.namespace.items() if not k.startswith("__")})
            sys.modules[name] = module

    def one(self, code):
        """Runs a test; returns its verdict unless it passed."""
        import random
        random.seed(0)
        try:
            candidate.run_test(code, self.namespace, self.problem.form)
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


def is_builtin_of(name, value):
    """Whether what a candidate calls so is the builtin itself."""
    return value == {"y": name}


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
    sys.setrecursionlimit(sys.getrecursionlimit() + candidate.FRAMES)
    warnings.simplefilter("ignore")  # what compiles is no business of this process's
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
