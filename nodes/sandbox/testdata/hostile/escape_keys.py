# want: failed
# Keyrings aren't in a namespace: a key would stay for the next candidate. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = (
    libc.syscall(248, b"user", b"note", b"text", 4, -3) >= 0  # add_key
    or libc.syscall(250, 0, -3, 1) >= 0  # keyctl
    or libc.syscall(249, b"user", b"note", None, -3) >= 0)  # request_key


def add(a, b):
    return a + b if out else None
