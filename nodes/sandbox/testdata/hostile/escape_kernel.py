# want: failed
# Loads modules, another kernel, swap; reboots; sets the host's name. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(
    libc.syscall(*args) >= 0
    for args in ((175, None, 0, b""), (313, 0, b"", 0), (246, 0, 0, None, 0), (167, b"/tmp/swap", 0),
                 (169, 0xFEE1DEAD, 672274793, 0, None), (170, b"mine", 4), (171, b"mine", 4),
                 (163, b"/tmp/accounts"), (103, 3, None, 0)))


def add(a, b):
    return a + b if out else None
