# want: failed
# Makes a device file of the first disk. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.syscall(*args) == 0 for args in ((133, b"/tmp/disk", 0o060666, 0xfe00), (259, -100, b"/tmp/disk", 0o060666, 0xfe00)))


def add(a, b):
    return a + b if out else None
