# want: failed
# Mounts a file system over its working folder. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0


def add(a, b):
    return a + b if out else None
