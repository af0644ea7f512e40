"""The fork server: forks a process for each candidate, watches it, and clears up.

It is the first process of its namespace, so that it can kill everything in it. It
never holds a test, unless the candidate is to run it itself.
"""

import _signal as signal  # without its enumerations: every page here is one that a fork copies
import _sitebuiltins
import _socket
import builtins
import gc
import os
import random
import select
import sys
import time

import candidate
import confine
import values

READY = values.frame({"ready": True})  # the first message of a candidate
NOTICEABLE = 0.1  # seconds: no limit is so short that a shorter wait for the processor mattered
MOST_STARVED = 10  # times the wall limit that a starved candidate gets at most


class Server:
    def __init__(self, conf, control):
        self.sandbox = confine.Sandbox(conf)
        self.dir = conf["dir"]
        self.wall = conf["wall_s"]
        self.control = control

    def loop(self):
        while True:
            job, fds = self.control.receive_with(3)
            report, told = self.run(job, *fds)
            self.control.send(report)
            if not told:
                self.control.receive()  # the judge says that it is done, too
            self.sandbox.clean()  # if that fails, the next candidate gets a new worker

    def run(self, job, talk, stdin, output):
        """Runs a candidate until it ends, the judge has heard enough, or time is up.
        The code comes to the candidate by its own socket: nothing of it stays here,
        where the next one could find it."""
        self.make_room()
        pid = confine.fork()
        if pid == 0:
            self.become(job, talk, stdin, output)
        for fd in (talk, stdin, output):
            os.close(fd)
        return self.watch(pid)

    def make_room(self):
        if self.sandbox.own_processes:
            return
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o777)
        confine.empty(self.dir)

    def become(self, job, talk, stdin, output):
        """Turns a fork into the candidate; doesn't return."""
        status = 1
        try:
            os.chdir("/tmp" if self.sandbox.own_processes else self.dir)
            talk = os.dup(talk)
            errors = os.open(os.devnull, os.O_WRONLY) if job["mode"] == "program" else output
            for fd, at in ((stdin, 0), (output, 1), (errors, 2)):
                os.dup2(fd, at)
            os.dup2(talk, 3)
            os.closerange(4, 65536)
            self.sandbox.confine(job["cpu_s"])
            os.write(candidate.CHANNEL.fd, READY)
            candidate.MODES[job["mode"]](candidate.CHANNEL, candidate.CHANNEL.receive())
            status = 0
        except BaseException as e:
            try:
                candidate.CHANNEL.send({"fault": repr(e)})
            except BaseException:
                pass
        finally:
            os._exit(status)

    def watch(self, pid):
        """Waits, then ends everything that the candidate started. Time during which
        the candidate was ready but had no processor doesn't count: the machine was
        busy with something else."""
        begun = time.monotonic()
        ended = os.pidfd_open(pid)
        listen, late, told, starved, wall = [ended, self.control], False, None, 0.0, self.wall
        while not late:
            ready = select.select(listen, [], [], max(begun + wall - time.monotonic(), 0))[0]
            if ended in ready:
                break
            if ready:
                told = self.control.receive()["end"]
                if told != "gone":
                    break
                listen = [ended]
                continue
            starved = waited_for_processor(pid)
            wall = min(self.wall + starved, self.wall * MOST_STARVED)
            late = begun + wall - time.monotonic() <= 0.001
        if time.monotonic() - begun > NOTICEABLE:
            starved = max(starved, waited_for_processor(pid))
        self.kill_everything(pid)
        _, status, usage = os.wait4(pid, 0)
        os.close(ended)
        wall = time.monotonic() - begun
        self.reap()
        return {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            "late": late, "starved_ms": int(1000 * starved), "wall_ms": round(1000 * wall, 3),
            "cpu_ms": round(1000 * (usage.ru_utime + usage.ru_stime), 3), "max_rss_kb": usage.ru_maxrss,
        }, told is not None

    def kill_everything(self, pid):
        if self.sandbox.own_processes:
            try:
                os.kill(-1, signal.SIGKILL)  # all of this process namespace but its first
            except ProcessLookupError:
                pass
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def reap(self):
        """Waits for what was killed. Without a process namespace something may have
        escaped and live on, so then only what has ended is waited for."""
        flags = 0 if self.sandbox.own_processes else os.WNOHANG
        try:
            while os.waitpid(-1, flags)[0]:
                pass
        except ChildProcessError:
            pass


def waited_for_processor(pid):
    """Seconds for which the process was ready to run and didn't, because of others
    than what it started itself."""
    try:
        with open("/proc/%d/schedstat" % pid) as f:
            waited = int(f.read().split()[1]) / 1e9
        return max(0.0, waited - used_by_descendants(pid))
    except (OSError, IndexError, ValueError):
        return 0.0


TICK = 1 / os.sysconf("SC_CLK_TCK")


def used_by_descendants(pid):
    """CPU seconds of all processes in here but this one and the candidate's first."""
    total = 0.0
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has just ended
        own, ended = fields[11:13], fields[13:15]
        total += TICK * sum(map(int, ended if int(name) == pid else own + ended))
    return total


OFTEN = "bisect collections copy functools heapq itertools math operator random re string sys threading time typing".split()
SELDOM = "datetime decimal fractions queue statistics".split()
ALL = OFTEN + SELDOM + "array ast base64 hashlib signal socket struct".split()  # where nothing else can be had


def preload(names):
    """Imports what candidates often import, so that a fork has it already. What few of
    them do would cost the others more."""
    for name in names:
        __import__(name)
    builtins.exit, builtins.quit = _sitebuiltins.Quitter("exit", ""), _sitebuiltins.Quitter("quit", "")  # as site does


def start(conf):
    """Forks the server. Returns the judge's end of its control socket."""
    ours, theirs = map(values.Control, _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET))
    if conf["namespaces"]:
        confine.new_process_namespace()
    if os.fork():
        theirs.sock.close()
        return ours
    ours.sock.close()
    forget_judge()
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        keep = theirs.fileno()  # what ouroflow writes and reads is the judge's alone
        os.closerange(3, keep)
        os.closerange(keep + 1, 1024)
        confine.die_with_parent()
        serve(conf, theirs)
    finally:
        os._exit(1)


def forget_judge():
    """Drops what boot.py holds: the judge's program, and the conversation with ouroflow."""
    held = sys.modules["__main__"].__dict__
    for name in [name for name in held if not name.startswith("__")]:
        del held[name]


def serve(conf, control):
    try:
        server = Server(conf, control)
        preload(ALL if server.sandbox.hidden else OFTEN)
        server.sandbox.settle()
        candidate.rehearse()
        random.seed(0)  # forks begin with this
        control.send({"protections": server.sandbox.protections})
        gc.collect()
        gc.freeze()  # a collection in a fork doesn't copy what is here
        server.loop()
    except Exception as e:
        control.send({"fault": "%s: %s" % (type(e).__name__, e)})
