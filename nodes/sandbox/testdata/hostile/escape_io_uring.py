# want: failed
# System calls made through a ring pass no filter. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.syscall(425, 1, ctypes.create_string_buffer(120)) >= 0


def add(a, b):
    return a + b if out else None
