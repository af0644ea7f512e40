# want: failed
# Counts events of the processor. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0) >= 0


def add(a, b):
    return a + b if out else None
