"""The warden: ends what a candidate leaves behind, and clears up.

It is the first process of the candidates' namespace, so that it can kill everything in
it. It forks nothing: what it writes to is copied for nobody.
"""

import _signal as signal
import os

import confine

TICK = 1 / os.sysconf("SC_CLK_TCK")
FIRST = 1  # the number of the warden in its namespace


class Warden:
    """Ends candidates when the judge says so. server leads to the fork server, whose
    children they are."""

    def __init__(self, judge, server, enclosure):
        self.judge, self.server, self.enclosure = judge, server, enclosure

    def loop(self):
        while True:
            asked = self.judge.receive()
            answer = next((w for w in ANSWERS if w in asked), None)
            if answer:
                self.judge.send({"pid": asked[answer], answer: ANSWERS[answer](asked[answer], self.enclosure)})
                continue
            used = self.kill_everything(asked["end"], asked["killing"])
            if not self.server.sock.recv(1):  # says that the candidate has ended, and so has left all others to the warden
                return
            self.reap()
            self.judge.send({"pid": asked["end"], "ended": used})
            self.enclosure.clean()  # if that fails, the next candidate gets a new worker
            self.server.sock.send(b".")

    def kill_everything(self, pid, killing):
        """Kills the candidate and what it started, and returns the CPU milliseconds that this
        had used. Nothing escapes by forking: a process that is being killed makes no other.
        Without a process namespace the fork server has killed what is left of a candidate that
        has ended, whose number may be another's."""
        if self.enclosure.own_processes:
            return kill_all(pid)
        if killing:
            confine.kill_group(pid)
        return 0

    def reap(self):
        """Waits until all that was killed has ended. Without a process namespace, this
        isn't who inherits what a candidate leaves."""
        try:
            while os.waitpid(-1, 0)[0]:
                pass
        except ChildProcessError:
            pass


def kill_all(pid):
    """Kills all processes of this namespace but its first. Returns the CPU milliseconds that
    those beside the candidate's own had used."""
    try:
        os.kill(-1, 0)
        used = 1000 * used_by_descendants(pid)
        os.kill(-1, signal.SIGKILL)
        return used
    except ProcessLookupError:
        return 0


def company(pid, enclosure):
    """What runs beside a candidate's first thread, None if nothing does."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            threads = int(f.read().rpartition(b")")[2].split()[17])
    except (OSError, IndexError, ValueError):
        return None  # it is gone, which shows by itself
    if threads > 1:
        return "threads"
    if enclosure.own_processes and any(number != pid for number, _ in processes()):
        return "processes"
    return None


def waited_for_processor(pid, _=None):
    """Seconds for which the process was ready to run and didn't, because of others
    than what it started itself; 0 if it is gone."""
    try:
        with open("/proc/%d/schedstat" % pid) as f:
            waited = int(f.read().split()[1]) / 1e9
        return 0.0 if hides_children() else max(0.0, waited - used_by_descendants(pid))
    except (OSError, IndexError, ValueError):
        return 0.0


ANSWERS = {"starved": waited_for_processor, "company": company}


def processes():
    """Yields the number and the fields of /proc/PID/stat, from the state on, of all
    processes in here but the first."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == FIRST:
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as f:
                yield int(name), f.read().rpartition(b")")[2].split()
        except OSError:
            pass  # it has just ended


SIGCHLD_BIT = 1 << (signal.SIGCHLD - 1)


def hides_children():
    """Whether a process in here has its children vanish without a trace of the time that they
    used. What it waited for a processor then may be their doing."""
    for number, _ in processes():
        try:
            with open("/proc/%d/status" % number) as f:
                ignored = next(line for line in f if line.startswith("SigIgn:"))
        except (OSError, StopIteration):
            continue
        if int(ignored.split()[1], 16) & SIGCHLD_BIT:
            return True
    return False


def used_by_descendants(pid):
    """CPU seconds of all processes in here but the warden and the candidate's first."""
    total = 0.0
    for number, fields in processes():
        own, ended = fields[11:13], fields[13:15]
        total += TICK * sum(map(int, ended if number == pid else own + ended))
    return total


def number_of_candidate():
    """The number in here of the candidate's first process, whose parent is outside."""
    return next((number for number, fields in processes() if fields[1] == b"0"), 0)


def serve(conf, judge, server):
    """Makes the enclosure, tells the fork server of it, and keeps it."""
    try:
        enclosure = confine.Enclosure(conf)
    except Exception as e:
        server.send({"fault": "%s: %s" % (type(e).__name__, e)})
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a candidate may send, the first process doesn't get
    server.send({"protections": enclosure.protections, "hidden": enclosure.hidden})
    Warden(judge, server, enclosure).loop()
