# want: failed
# Traces the fork server. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.ptrace(request, 1, 0, 0) == 0 for request in (16, 0x4206))  # attach, seize


def add(a, b):
    return a + b if out else None
