"""The fork server: forks a process for each candidate and says how it ended.

A page of memory that it writes to while a candidate is there is copied, so it does
little: the judge tells the time, and the warden ends what there is to end. It never
holds a test, unless the candidate is to run it itself.
"""

import _sitebuiltins
import _socket
import builtins
import gc
import os
import random
import sys
import time

import candidate
import confine
import values
import warden

NOTICEABLE = 0.1  # seconds: no limit is so short that a shorter wait for the processor mattered
READY = b'{"ready": %d}'
BEGUN = {"begun": True}  # the first message of a candidate to the judge
REPORT = b'{"signal": %d, "status": %d, "cpu_ms": %.3f, "max_rss_kb": %d, "starved_ms": %d}'


class Server:
    def __init__(self, conf, control, warden):
        self.confinement = confine.Confinement(conf)
        self.control, self.warden = control, warden

    def loop(self):
        """Forks candidates ahead of their code, each when nothing is left of the one
        before."""
        while True:
            begun = time.monotonic()
            pid = confine.fork()
            if pid == 0:
                self.become()
            self.control.sock.send(self.end_of(pid, begun))
            self.warden.sock.send(b".")
            if not self.warden.sock.recv(1):
                return

    def end_of(self, pid, begun):
        """Waits for the end of a candidate and reports it. One that takes long is looked
        at before it is gone."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        starved = self.starved(pid) if time.monotonic() - begun > NOTICEABLE else 0
        if not self.confinement.own_processes:
            confine.kill_group(pid)  # while its number is nobody else's
        _, status, usage = os.wait4(pid, 0)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        cpu_ms = 1000 * (usage.ru_utime + usage.ru_stime)
        return REPORT % (number, status >> 8, cpu_ms, usage.ru_maxrss, 1000 * starved)

    def starved(self, pid):
        return warden.waited_for_processor(warden.number_of_candidate() if self.confinement.own_processes else pid)

    def become(self):
        """Turns a fork into the candidate; doesn't return. The code comes to it by its
        own socket: nothing of it is ever in the fork server, where the next one could
        find it."""
        status = 1
        try:
            self.confinement.confine()
            self.control.sock.send(READY % os.getpid())
            job, fds = self.control.receive_with(3)
            self.connect(*fds, job["mode"])
            status = run(job)
        except Exception as e:
            self.control.send({"fault": repr(e)})
        finally:
            os._exit(status)

    def connect(self, talk, stdin, output, mode):
        """Keeps of all descriptors those that the candidate is to have."""
        talk = os.dup(talk)  # not one of the first four
        errors = os.open(os.devnull, os.O_WRONLY) if mode == "program" else output
        for fd, at in ((stdin, 0), (output, 1), (errors, 2), (talk, candidate.CHANNEL.fd)):
            os.dup2(fd, at)
        os.closerange(candidate.CHANNEL.fd + 1, 65536)


def run(job):
    """Runs a candidate in this process; returns the status to end with."""
    channel = candidate.CHANNEL
    try:
        confine.limit_cpu(job["cpu_s"])
        sys.setrecursionlimit(sys.getrecursionlimit() + candidate.FRAMES)
        channel.send(BEGUN)
        candidate.MODES[job["mode"]](channel, channel.receive())
    except BaseException as e:
        try:
            channel.send({"fault": repr(e)})
        except BaseException:
            pass
        return 1
    return 0


OFTEN = "bisect collections copy functools heapq itertools math operator random re string sys threading time typing".split()
SELDOM = "datetime decimal fractions queue statistics".split()
ALL = OFTEN + SELDOM + "array ast base64 hashlib signal socket struct".split()  # where nothing else can be had


def preload(names):
    """Imports what candidates often import, so that a fork has it already. What few of
    them do would cost the others more."""
    for name in names:
        __import__(name)
    builtins.exit, builtins.quit = _sitebuiltins.Quitter("exit", ""), _sitebuiltins.Quitter("quit", "")  # as site does


def pair():
    return map(values.Control, _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET))


def start(conf):
    """Forks the server, which forks the warden. Returns the judge's ends of its
    conversations with both."""
    conf["other_user"] = confine.is_other_user(conf)
    (control, server_end), (keeper, warden_end) = pair(), pair()
    if os.fork():
        server_end.sock.close()
        warden_end.sock.close()
        return control, keeper
    forget_judge()
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        close_others(server_end.fileno(), warden_end.fileno())  # what ouroflow writes and reads is the judge's alone
        confine.die_with_parent()
        serve(conf, server_end, warden_end)
    finally:
        os._exit(1)


def close_others(*keep):
    """Closes all descriptors but the first three and these."""
    bounds = [2, *sorted(keep), 1024]
    for low, high in zip(bounds, bounds[1:]):
        os.closerange(low + 1, high)


def start_warden(conf, judge):
    """Forks the warden; returns the server's end of their conversation."""
    ours, theirs = pair()
    if conf["namespaces"]:
        confine.new_process_namespace()
    if os.fork():
        theirs.sock.close()
        judge.sock.close()
        return ours
    try:
        close_others(theirs.fileno(), judge.fileno())
        confine.die_with_parent()
        warden.serve(conf, judge, theirs)
    finally:
        os._exit(1)


def forget_judge():
    """Drops what boot.py holds: the judge's program, and the conversation with ouroflow."""
    held = sys.modules["__main__"].__dict__
    for name in [name for name in held if not name.startswith("__")]:
        del held[name]


def serve(conf, control, judge_of_warden):
    try:
        keeper = start_warden(conf, judge_of_warden)
        enclosure = keeper.receive()
        if "fault" in enclosure:
            raise RuntimeError(enclosure["fault"])
        server = Server(conf, control, keeper)
        preload(ALL if enclosure["hidden"] else OFTEN)
        server.confinement.settle()
        sys.argv[:] = ["main.py"]
        sys.orig_argv = [sys.executable, "main.py"]
        candidate.rehearse()
        random.seed(0)  # forks begin with this
        control.send({"protections": ["limits", *enclosure["protections"], *server.confinement.protections()]})
        gc.collect()
        gc.freeze()  # a collection in a fork doesn't copy what is here
        server.loop()
    except Exception as e:
        control.send({"fault": "%s: %s" % (type(e).__name__, e)})
