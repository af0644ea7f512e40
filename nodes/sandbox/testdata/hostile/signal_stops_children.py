# want: passed
# correct: adds, and leaves stopped children
# Leaves stopped children, traced by nobody.
import os
import signal

for _ in range(5):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)


def add(a, b):
    return a + b
