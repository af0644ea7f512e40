# want: failed
# Watches all file accesses, or gets the calls of others to decide. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(
    libc.syscall(*args) >= 0 for args in ((300, 0, 0), (317, 1, 8, None), (317, 3, 0, None), (135, 0x0040000)))


def add(a, b):
    return a + b if out else None
