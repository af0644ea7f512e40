# want: passed|error|killed
# correct: adds, having sent signals
# Kills all that it may.
import os
import signal

for target in (1, os.getppid(), -1):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGSTOP, signal.SIGPIPE):
        if target == -1 and number != signal.SIGPIPE:
            continue
        try:
            os.kill(target, number)
        except OSError:
            pass


def add(a, b):
    return a + b
