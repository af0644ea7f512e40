"""Runs candidates, one at a time, each in a process of its own.

Started by ouroflow, which speaks JSON lines over stdin and stdout: the first
line in is the configuration, the first line out says what protections are
active, then each job is answered by its verdict. Needs Python 3.9 or newer.
"""

import ctypes
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
import types

PROTOCOL = 1
MESSAGE_LIMIT = 500
READY = b"ready"  # what a child says before the candidate begins
REPORT_LIMIT = 1 << 20
NAME = "__candidate__"
STAGES = ("/srv", "/media", "/mnt", "/opt")  # where Python may be shown if it lies out of reach

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_NOATIME, MS_NODIRATIME, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC,
         "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME, "relatime": MS_RELATIME}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def mount(source, target, kind, flags, data=None):
    encode = lambda s: None if s is None else s.encode()
    check(libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data)),
          "mount " + target)


def mount_empty(path):
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,mode=1777")


def limit(which, soft, hard):
    """Sets a limit, or a lower one that the process already has."""
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(which, (soft, hard))


class Sandbox:
    """What surrounds every candidate of this worker."""

    def __init__(self, conf):
        self.conf = conf
        self.own_mounts = False
        self.own_user = os.getuid() == 0 and not conf["user_namespace"]
        self.protections = ["process group", "limits"]
        if conf["namespaces"]:
            self.enter(conf)
        else:
            self.protections.append("no namespaces: " + conf["reason"])
        if self.own_user:
            self.protections.append("user without rights")
        self.protections.append("no new privileges, no capabilities")

    def enter(self, conf):
        # Mounting is only safe in a namespace that is not the host's: make sure.
        if os.readlink("/proc/self/ns/mnt") == conf["host_mounts"]:
            raise RuntimeError("still in the host's mount namespace")
        if os.getpid() != 1:
            raise RuntimeError("not the first process of a process namespace")
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        self.protections += ["process, mount, network and ipc namespaces"]
        self.own_mounts = True
        self.writable = [path for path in ("/tmp", "/dev/shm") if os.path.isdir(path)]
        for path in self.writable:
            mount_empty(path)
        if self.own_user:
            self.expose_python()
        if self.make_read_only():
            self.protections.append("read-only files")

    def expose_python(self):
        """Lets an unprivileged user import from an interpreter that lies in a
        folder it may not enter, such as one in root's home: the installation is
        bound to a place that it may."""
        folder = os.path.realpath(sys.base_prefix)
        parents = [folder]
        while parents[-1] != "/":
            parents.append(os.path.dirname(parents[-1]))
        if all(os.stat(path).st_mode & 0o001 for path in parents):
            return
        place = next((p for p in STAGES if os.path.isdir(p) and not os.listdir(p)), None)
        if place is None:
            self.protections.append("only preloaded modules: no empty folder to show Python in")
            return
        mount(folder, place, None, MS_BIND | MS_REC)
        sys.path[:] = [place + p[len(folder):] if p.startswith(folder) else p
                       for p in map(os.path.realpath, sys.path)]
        sys.path_importer_cache.clear()

    def make_read_only(self):
        ok = True
        with open("/proc/self/mounts") as f:
            mounts = [line.split() for line in f]
        for _, target, _, options, *_ in mounts:
            target = target.encode().decode("unicode_escape")
            if target in ("/tmp", "/dev/shm", "/proc") or target.startswith(("/proc/", "/dev")):
                continue
            flags = sum(FLAGS.get(o, 0) for o in options.split(","))
            try:
                mount(None, target, None, flags | MS_REMOUNT | MS_BIND | MS_RDONLY)
            except FileNotFoundError:
                pass  # hidden under another mount
            except OSError:
                ok = False
        return ok

    def fresh_files(self):
        """Removes what the last candidate may have left."""
        if not self.own_mounts:
            return
        for path in self.writable:
            check(libc.umount2(path.encode(), MNT_DETACH), "umount " + path)
            mount_empty(path)

    def confine(self):
        """Takes everything away from the calling process that it can lose."""
        conf, user = self.conf, self.conf["user"]
        os.setsid()
        if self.own_user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        else:
            for capability in range(64):
                libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)
            check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
        for which, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_AS, conf["memory_mb"] << 20),
            (resource.RLIMIT_FSIZE, conf["output_kb"] << 10),
            (resource.RLIMIT_NPROC, conf["processes"]),
            (resource.RLIMIT_NOFILE, 256),
        ):
            limit(which, value, value)
        limit(resource.RLIMIT_CPU, conf["cpu_s"], conf["cpu_s"] + 1)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def clean(text):
    """Cuts a message and removes addresses, which differ from run to run."""
    text = re.sub(r"0x[0-9a-fA-F]{4,}", "0x...", text)
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\\0")
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "..."


def describe(error):
    try:
        message = str(error)
    except BaseException:
        message = "(its message can't be shown)"
    return type(error).__name__, clean(message)


class Ended(Exception):
    """Carries a verdict out of the running of a candidate."""

    def __init__(self, verdict, error=None):
        self.verdict = verdict
        self.exception, self.message = describe(error) if error is not None else (None, None)


def compiled(source, name, verdict):
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise Ended(verdict, e)


def execute(code, namespace, in_test):
    try:
        exec(code, namespace)
    except MemoryError as e:
        raise Ended("memory_limit", e)
    except AssertionError as e:
        raise Ended("failed" if in_test else "error", e)
    except BaseException as e:
        raise Ended("error", e)


def judge(job, reached):
    """Runs a candidate and its tests; reached is called after each test."""
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module  # dataclasses and pickle look it up
    namespace = module.__dict__
    if job["setup"]:
        execute(compiled(job["setup"], "<setup>", "error"), namespace, False)
    execute(compiled(job["code"], "<candidate>", "syntax_error"), namespace, False)
    for test in job["tests"]:
        execute(compiled(test, "<test>", "error"), namespace, True)
        reached()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError):
            pass  # the candidate closed or replaced it


def child(sandbox, job, report):
    """Everything that happens in the process of a candidate."""
    os.chdir("/tmp" if sandbox.own_mounts else job["dir"])
    output = os.open(".output", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.unlink(".output")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    report_at = 3
    os.dup2(report, report_at)
    os.closerange(report_at + 1, 65536)
    sandbox.confine()
    os.write(report_at, READY + b"\n")
    import random
    random.seed(0)
    write, dump = os.write, json.dumps
    try:
        judge(job, lambda: write(report_at, b"reached\n"))
        result = {"verdict": "passed"}
    except Ended as e:
        result = {"verdict": e.verdict, "exception": e.exception, "message": e.message}
    write(report_at, dump(result).encode() + b"\n")


def kill_everything(sandbox, pid):
    """Ends the candidate and whatever it started."""
    if sandbox.own_mounts:
        try:
            os.kill(-1, signal.SIGKILL)  # all of this process namespace but its first
        except ProcessLookupError:
            pass
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def reap(sandbox):
    """Waits for what was killed. Without a process namespace something may have
    escaped and live on, so then only what has ended is waited for."""
    flags = 0 if sandbox.own_mounts else os.WNOHANG
    try:
        while os.waitpid(-1, flags)[0]:
            pass
    except ChildProcessError:
        pass


def supervise(sandbox, pid, pipe):
    """Waits for a candidate; returns its report, status, CPU seconds, and
    whether it ran out of wall time."""
    deadline = time.monotonic() + sandbox.conf["wall_s"]
    ended = os.pidfd_open(pid)
    data, late, alive, open_pipe = b"", False, True, True
    while alive:
        left = deadline - time.monotonic()
        if left <= 0:
            late = True
            break
        ready, _, _ = select.select([ended] + [pipe] * open_pipe, [], [], left)
        if pipe in ready:
            chunk = os.read(pipe, 65536)
            data += chunk
            open_pipe = bool(chunk) and len(data) < REPORT_LIMIT
        elif ended in ready:
            alive = False
    kill_everything(sandbox, pid)
    _, status, usage = os.wait4(pid, 0)
    os.close(ended)
    reap(sandbox)
    # All that the candidate wrote is in the pipe by now. Something that escaped
    # may still hold the other end open, so an empty pipe is the end, too.
    os.set_blocking(pipe, False)
    while open_pipe and len(data) < REPORT_LIMIT:
        try:
            chunk = os.read(pipe, 65536)
        except BlockingIOError:
            break
        data += chunk
        open_pipe = bool(chunk)
    return data, status, usage.ru_utime + usage.ru_stime, late


def conclude(sandbox, job, data, status, cpu, late):
    """Makes the verdict from what was seen from outside."""
    lines = data.split(b"\n")
    if lines[0] != READY:
        raise OSError("the sandbox could not be set up for a candidate: status %d, %s"
                      % (status, clean(data.decode("utf-8", "replace"))))
    reached = sum(1 for line in lines if line == b"reached")
    out = {"tests_passed": min(reached, len(job["tests"]))}
    report = None
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 and len(lines) >= 2:
        try:
            report = json.loads(lines[-2])
        except ValueError:
            pass
    sig = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if late or sig == signal.SIGXCPU or (sig == signal.SIGKILL and cpu >= sandbox.conf["cpu_s"]):
        out.update(verdict="timeout", message="wall time used up" if late else "CPU time used up")
    elif sig == signal.SIGXFSZ:
        out.update(verdict="output_limit")
    elif sig:
        out.update(verdict="killed", message="signal %d" % sig)
    elif not isinstance(report, dict):
        out.update(verdict="error", exception="EarlyExit",
                   message="the process ended with status %d before its tests did" % os.WEXITSTATUS(status))
    elif report.get("verdict") == "passed" and reached != len(job["tests"]):
        out.update(verdict="error", exception="EarlyExit", message="a pass was claimed before the last test ended")
    else:
        out.update(report)
    return out


def run(sandbox, job):
    if not sandbox.own_mounts:
        shutil.rmtree(job["dir"], ignore_errors=True)
        os.mkdir(job["dir"])
        os.chmod(job["dir"], 0o777)
    pipe, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child(sandbox, job, report)
            status = 0
        except BaseException as e:
            try:
                os.write(report, repr(e).encode("utf-8", "replace"))
            except OSError:
                pass
        finally:
            os._exit(status)
    os.close(report)
    try:
        return conclude(sandbox, job, *supervise(sandbox, pid, pipe))
    finally:
        os.close(pipe)
        sandbox.fresh_files()


def preload():
    """Imports what candidates often import, so that a fork has it already."""
    for name in ("bisect collections copy datetime decimal fractions functools heapq itertools math"
                 " operator queue random re statistics string sys time typing").split():
        __import__(name)


def main():
    requests, replies = sys.stdin.buffer, sys.stdout.buffer

    def reply(message):
        replies.write(json.dumps(message).encode() + b"\n")
        replies.flush()

    sys.path[:] = [p for p in sys.path if p]
    conf = json.loads(requests.readline())
    try:
        sandbox = Sandbox(conf)
    except (OSError, RuntimeError) as e:
        reply({"fault": str(e)})
        return
    preload()
    reply({"protocol": PROTOCOL, "protections": sandbox.protections})
    while True:
        line = requests.readline()
        if not line:
            return
        job = json.loads(line)
        job["dir"] = conf["dir"]
        try:
            reply(run(sandbox, job))
        except OSError as e:
            reply({"fault": str(e)})


if __name__ == "__main__":
    main()
