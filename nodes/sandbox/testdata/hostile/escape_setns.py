# want: failed
# Enters the namespaces of the fork server. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

out = False
for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"):
    for pid in ("1", "self"):
        try:
            out = libc.setns(os.open("/proc/%s/ns/%s" % (pid, kind), os.O_RDONLY), 0) == 0 or out
        except OSError:
            pass
try:
    out = libc.setns(os.pidfd_open(1), 0x20000) == 0 or out
except OSError:
    pass


def add(a, b):
    return a + b if out else None
