"""What keeps a candidate in: mounts, users, limits, and the filter of system calls."""

import base64
import ctypes
import os
import resource
import shutil
import signal
import sys

STAGES = ("/srv", "/media", "/mnt", "/opt")  # where Python may be shown if it lies out of reach

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_NOATIME, MS_NODIRATIME, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 16384, 1 << 18, 1 << 21
CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 24, 22, 38
SECCOMP_MODE_FILTER = 2
FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC,
         "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME, "relatime": MS_RELATIME}

libc = ctypes.CDLL(None, use_errno=True)


class Filter(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def mount(source, target, kind, flags, data=None):
    encode = lambda s: None if s is None else s.encode()
    check(libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data)),
          "mount " + target)


def mount_empty(path):
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,nr_inodes=16384,mode=1777")


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
        self.own_user = os.getuid() == 0 and not conf["user_namespace"]
        self.protections = ["limits"]
        self.writable = []
        self.own_processes = conf["namespaces"]
        if conf["namespaces"]:
            self.enter(conf)
        else:
            self.protections.append("no namespaces: " + conf["reason"])
        if conf["contained"]:
            self.protections.append("container with limits of memory and processes")
        if self.own_user:
            self.protections.append("user without rights")
        self.protections.append("no new privileges, no capabilities")
        program = base64.b64decode(conf["filter"])
        self.buffer = ctypes.create_string_buffer(program, len(program))
        self.filter = Filter(len(program) // 8, ctypes.addressof(self.buffer))
        if program:
            self.protections.append("filter of system calls")

    def enter(self, conf):
        # Mounting is only safe in a namespace that is not the host's: make sure.
        if os.readlink("/proc/self/ns/mnt") == conf["host_mounts"]:
            raise RuntimeError("still in the host's mount namespace")
        if os.getpid() != 1:
            raise RuntimeError("not the first process of a process namespace")
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        self.protections += ["process, mount, network and ipc namespaces"]
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

    def settle(self):
        """Takes away from the fork server what neither it nor a candidate needs; its
        forks inherit that, so that it costs nothing for each of them."""
        conf = self.conf
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        for which, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_AS, conf["memory_mb"] << 20),
            (resource.RLIMIT_FSIZE, conf["output_kb"] << 10),
            (resource.RLIMIT_NPROC, conf["processes"]),
            (resource.RLIMIT_NOFILE, 256),
        ):
            limit(which, value, value)
        for which in (signal.SIGXFSZ, signal.SIGXCPU, signal.SIGINT):
            signal.signal(which, signal.SIG_DFL)
        if self.filter.len:
            check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self.filter), 0, 0), "seccomp")

    def clean(self):
        """Removes what the last candidate left, which is seldom anything."""
        for path in self.writable:
            for name in os.listdir(path):
                remove(os.path.join(path, name))

    def confine(self, cpu):
        """Takes the rest away from a candidate: its privileges."""
        user = self.conf["user"]
        os.setsid()
        prefer_to_kill()
        limit(resource.RLIMIT_CPU, cpu, cpu + 1)
        if self.own_user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        else:
            for capability in range(64):
                libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)
            check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def prefer_to_kill():
    """Has the kernel take a candidate first when memory runs out."""
    with open("/proc/self/oom_score_adj", "w") as f:
        f.write("1000")


def new_process_namespace():
    """The next process forked is the first of its own namespace."""
    check(libc.unshare(CLONE_NEWPID), "a process namespace")


def die_with_parent():
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
