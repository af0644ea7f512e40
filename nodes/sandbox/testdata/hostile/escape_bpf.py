# want: failed
# Loads a program into the kernel. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.syscall(321, command, ctypes.create_string_buffer(128), 128) >= 0 for command in (0, 5))


def add(a, b):
    return a + b if out else None
