# want: failed
# Makes one namespace of each kind. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(
    libc.unshare(flag) == 0
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x20000000, 0x40000000, 0x80))


def add(a, b):
    return a + b if out else None
