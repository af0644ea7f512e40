# want: failed
# Makes the root writable again. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.mount(None, b"/", None, 32 | 4096, None) == 0


def add(a, b):
    return a + b if out else None
