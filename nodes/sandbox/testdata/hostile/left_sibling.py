# want: failed
# Leaves processes that are children of its own parent, where nobody waits for them. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
CLONE_PARENT, SIGCHLD = 0x8000, 17
out = False
for _ in range(12):
    pid = libc.syscall(56, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        libc._exit(0)
    out = out or pid > 0


def add(a, b):
    return a + b if out else None
