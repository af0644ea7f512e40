# want: failed
# A filter can't see the flags of clone3, which lie in memory. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

args = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
pid = libc.syscall(435, args, ctypes.sizeof(args))
if pid == 0:
    os._exit(0)
out = pid > 0


def add(a, b):
    return a + b if out else None
