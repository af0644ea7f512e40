# want: failed
# Opens files by their number, past all folders. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = (
    libc.syscall(303, -100, b"/", ctypes.create_string_buffer(136), ctypes.create_string_buffer(8), 0) == 0
    or libc.syscall(304, -100, ctypes.create_string_buffer(136), 0) >= 0)


def add(a, b):
    return a + b if out else None
