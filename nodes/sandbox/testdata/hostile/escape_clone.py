# want: failed
# Clones itself into new namespaces. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

out = False
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    out = out or pid > 0


def add(a, b):
    return a + b if out else None
