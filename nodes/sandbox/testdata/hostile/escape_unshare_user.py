# want: failed
# A user namespace would give it capabilities. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.unshare(0x10000000) == 0


def add(a, b):
    return a + b if out else None
