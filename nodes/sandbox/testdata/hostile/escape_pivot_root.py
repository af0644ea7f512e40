# want: failed
# Changes the root. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.syscall(155, b"/tmp", b"/tmp") == 0


def add(a, b):
    return a + b if out else None
