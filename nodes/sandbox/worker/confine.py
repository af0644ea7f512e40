"""What keeps a candidate in: mounts, users, limits, and the filter of system calls."""

import _signal as signal  # without its enumerations: every page here is one that a fork copies
import ctypes
import _socket as socket
import fcntl
import os
import resource
import struct
import sys

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_NOATIME, MS_NODIRATIME, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}  # its number, since the C library has no function for it
CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 24, 22, 38
SECCOMP_MODE_FILTER = 2
FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC,
         "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME, "relatime": MS_RELATIME}

libc = ctypes.CDLL(None, use_errno=True)
python = ctypes.PyDLL(None, use_errno=True)  # its calls keep the interpreter's lock


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


def few_devices(root):
    """Puts a folder with harmless devices in the place of /dev."""
    stage, place = root + "/tmp", root + "/dev"
    mount("tmpfs", stage, "tmpfs", MS_NOSUID, "size=64k,mode=755")
    for name in ("null", "zero", "full", "random", "urandom"):
        if os.path.exists("/dev/" + name):
            open(stage + "/" + name, "w").close()
            mount("/dev/" + name, stage + "/" + name, None, MS_BIND)
    os.mkdir(stage + "/shm")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
        os.symlink(target, stage + "/" + name)
    mount(stage, place, None, MS_BIND | MS_REC)
    mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)  # devices can be written to all the same
    check(libc.umount2(stage.encode(), MNT_DETACH), "umount " + stage)


def mount_empty(path, size="64m"):
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=%s,nr_inodes=16384,mode=1777" % size)


SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    """Has programs reach themselves by 127.0.0.1, as they do on other machines. A container's
    network has that already."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        name, flags = struct.unpack("16sH14x", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16s16x", b"lo")))
        if not flags & IFF_UP:
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", name, flags | IFF_UP))
    finally:
        s.close()


def change_root(root):
    """Makes a folder the root of all processes of this mount namespace. Nothing of the old
    root is left."""
    os.chdir(root)
    check(libc.syscall(ctypes.c_long(PIVOT_ROOT[os.uname().machine]), b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def limit(which, soft, hard):
    """Sets a limit, or a lower one that the process already has."""
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(which, (soft, hard))


def is_other_user(conf):
    """Whether candidates run as a user of their own."""
    return os.getuid() == 0 and not conf["user_namespace"] and may(CAP_SETGID) and may(CAP_SETUID)


CAP_SETGID, CAP_SETUID = 6, 7


def may(capability):
    with open("/proc/self/status") as f:
        effective = next(line for line in f if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> capability & 1)


def limit_cpu(seconds):
    limit(resource.RLIMIT_CPU, seconds, seconds + 1)


PR_SET_DUMPABLE = 4


def seal(program):
    """Takes from a candidate what it could get at tests in its own process with: handlers of
    signals, which see frames, processes of its own, and its memory as a file."""
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")
    if program:
        raw = bytes.fromhex(program)
        buffer = ctypes.create_string_buffer(raw, len(raw))
        check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(raw) // 8, ctypes.addressof(buffer))), 0, 0), "seccomp")


class Enclosure:
    """What candidates find around them. Made by the first process of their namespace."""

    def __init__(self, conf):
        self.dir = conf["dir"]
        self.protections = []
        self.writable = {}  # folders, and what they look like when they are new
        self.hidden = False  # whether nothing can be imported
        self.own_processes = conf["namespaces"]
        if conf["namespaces"]:
            self.enter(conf)
        else:
            self.hidden = conf["other_user"] and not everyone_enters(os.path.realpath(sys.base_prefix))
            self.protections.append("no namespaces: " + conf["reason"])
            self.clean()

    def enter(self, conf):
        # Mounting is only safe in a namespace that is not the host's: make sure.
        if os.readlink("/proc/self/ns/mnt") == conf["host_mounts"]:
            raise RuntimeError("still in the host's mount namespace")
        if os.getpid() != 1:
            raise RuntimeError("not the first process of a process namespace")
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        root = conf["root"] or "/tmp"  # in a container, the root once more, without what is mounted in it
        mount(conf["root"] or "/", root, None, MS_BIND)
        self.furnish(root)
        change_root(root)
        raise_loopback()
        self.protections += ["process, mount, network and ipc namespaces", OWN_ROOT]
        if self.make_read_only():
            self.protections.append("read-only files")
        for path in ("/tmp", "/dev/shm"):
            if os.path.isdir(path):
                mount_empty(path)
                self.writable[path] = look_of(path)

    def furnish(self, root):
        """Mounts what is in no image. Devices, sockets of services and what steers the kernel
        are no business of a candidate's."""
        few_devices(root)
        mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in ("/run", "/sys"):
            if os.path.isdir(root + path):
                mount_empty(root + path, "4k")
        for path in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"):
            path = root + path
            if os.path.isdir(path):
                mount(path, path, None, MS_BIND | MS_REC)
                mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger"):
            if os.path.exists(root + path):
                mount("/dev/null", root + path, None, MS_BIND)

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

    def clean(self):
        """Makes the folders new that the last candidate touched, which is seldom any."""
        if not self.own_processes:
            os.makedirs(self.dir, exist_ok=True)
            os.chmod(self.dir, 0o777)
            empty(self.dir)
        for path, new in self.writable.items():
            if look_of(path) != new:
                check(libc.umount2(path.encode(), MNT_DETACH), "umount " + path)
                mount_empty(path)
                self.writable[path] = look_of(path)


OWN_ROOT = "a root of its own, with Python and nothing else"


def look_of(path):
    """What changes when anything in a folder does, or the folder itself."""
    s = os.stat(path)
    return s.st_dev, s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, s.st_ctime_ns


class Confinement:
    """What is taken from candidates: from the process that they are forks of already, as
    far as that is safe, since that costs nothing for each of them."""

    def __init__(self, conf):
        self.conf = conf
        self.dir = "/tmp" if conf["namespaces"] else conf["dir"]  # which is made new for each candidate
        self.own_processes = conf["namespaces"]  # so this process is out of reach of candidates, even as the same user
        self.other_user = conf["other_user"]
        program = bytes.fromhex(conf["filter"])
        self.buffer = ctypes.create_string_buffer(program, len(program))
        self.filter = Filter(len(program) // 8, ctypes.addressof(self.buffer))

    def protections(self):
        """Names what there is beside limits."""
        return [words for there, words in (
            (self.conf["contained"], "container with limits of memory and processes"),
            (self.other_user, "user without rights"),
            (True, "no new privileges, no capabilities"),
            (self.filter.len, "filter of system calls")) if there]

    def settle(self):
        """Confines the fork server, and so its forks."""
        conf = self.conf
        os.chdir("/")
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        for which, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_AS, conf["memory_mb"] << 20),
            (resource.RLIMIT_FSIZE, conf["output_kb"] << 10),
            (resource.RLIMIT_NPROC, conf["processes"] + self.own_processes),  # the fork server counts, too
            (resource.RLIMIT_NOFILE, 256),
        ):
            limit(which, value, value)
        for which in (signal.SIGXFSZ, signal.SIGXCPU, signal.SIGINT):
            signal.signal(which, signal.SIG_DFL)
        if self.own_processes:
            self.give_up_rights()
        if self.filter.len:
            check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self.filter), 0, 0), "seccomp")

    def confine(self):
        """Does the rest to a candidate, before it is given its code."""
        os.setsid()
        os.chdir(self.dir)
        if not self.own_processes:
            self.give_up_rights()

    def give_up_rights(self):
        user = self.conf["user"]
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        if self.other_user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        else:
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)
            check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
        die_with_parent()  # which a change of user ended


def everyone_enters(folder):
    """Whether users without rights may enter a folder."""
    while os.stat(folder).st_mode & 0o001:
        if folder == "/":
            return True
        folder = os.path.dirname(folder)
    return False


def empty(folder):
    """Removes everything in a folder, however deep: what is in folders below is moved
    up first."""
    moved = 0
    while True:
        names = os.listdir(folder)
        if not names:
            return
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for below in os.listdir(path):
                moved += 1
                os.rename(os.path.join(path, below), os.path.join(folder, ".moved%d" % moved))
            os.rmdir(path)


def prefer_to_kill(pid):
    """Has the kernel take a candidate first when memory runs out."""
    with open("/proc/%d/oom_score_adj" % pid, "w") as f:
        f.write("1000")


def kill_group(pid):
    """Kills the processes that a candidate started, but for those that left its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def fork():
    """os.fork, without what modules want done after it: threads and locks to look after
    there are none, random is to go on as it was seeded, and each page that is written
    to costs."""
    pid = python.fork()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, "fork: " + os.strerror(number))
    return pid


def new_process_namespace():
    """What this process forks is in a namespace of its own, of which the first one forked
    is the first."""
    check(libc.unshare(CLONE_NEWPID), "a process namespace")


def die_with_parent():
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
