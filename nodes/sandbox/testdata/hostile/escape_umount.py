# want: failed
# Uncovers what lies below the mounts. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = any(libc.umount2(path, flag) == 0 for path in (b"/tmp", b"/proc", b"/dev/shm") for flag in (0, 2))


def add(a, b):
    return a + b if out else None
