# want: failed
# Mounts by the newer system calls: fsopen, open_tree, mount_setattr, fspick. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(
    libc.syscall(*args) >= 0
    for args in ((430, b"tmpfs", 0), (428, -100, b"/", 1), (442, -100, b"/", 0, None, 0), (433, -100, b"/", 0)))


def add(a, b):
    return a + b if out else None
