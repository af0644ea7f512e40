# want: failed
# The third set of system calls: getpid and unshare with the bit of x32. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.syscall(0x40000000 + 39) > 0 or libc.syscall(0x40000000 + 272, 0x10000000) == 0


def add(a, b):
    return a + b if out else None
