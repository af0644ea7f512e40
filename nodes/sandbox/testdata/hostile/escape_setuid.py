# want: failed
# Becomes root again. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.syscall(number, 0, 0, 0) == 0 for number in (105, 106, 113, 114, 117, 119)) or libc.getuid() == 0


def add(a, b):
    return a + b if out else None
