# want: failed
# Handles page faults by itself, which helps to win races in the kernel. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.syscall(323, flags) >= 0 for flags in (0, 1))


def add(a, b):
    return a + b if out else None
