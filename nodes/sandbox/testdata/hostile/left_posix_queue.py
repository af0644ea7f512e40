# want: failed
# Queues of POSIX have names in the namespace, too: this one finds whether one like it was here before.
# (It runs twice, by its other name.)
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

def visit(name):
    found = libc.syscall(240, name, 0, 0, None)  # mq_open
    if found < 0:
        libc.syscall(240, name, 0o100 | 2, 0o666, None)
    return found >= 0


been_here = visit(b"ouroflow-note")


def add(a, b):
    return a + b if been_here else None
