# want: failed
# The kernel drops the upper half of the flags of clone; a filter may not. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

pid = libc.syscall(56, ctypes.c_uint64(0xFFFFFFFF10000011), 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
out = pid > 0


def add(a, b):
    return a + b if out else None
