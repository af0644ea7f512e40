# want: failed
# Asks to be traced. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.ptrace(0, 0, 0, 0) == 0


def add(a, b):
    return a + b if out else None
