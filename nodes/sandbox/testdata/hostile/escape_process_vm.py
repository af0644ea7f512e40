# want: failed
# Reads and writes the memory of the fork server by system calls. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

local = ctypes.create_string_buffer(8)
vector = (ctypes.c_uint64 * 2)(ctypes.addressof(local), 8)
out = any(libc.syscall(number, 1, vector, 1, vector, 1, 0) > 0 for number in (310, 311))


def add(a, b):
    return a + b if out else None
