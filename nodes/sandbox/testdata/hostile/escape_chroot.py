# want: failed
# Changes the root for itself. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.chroot(b"/tmp") == 0


def add(a, b):
    return a + b if out else None
