# want: passed|output_limit|error
# correct: adds, with an odd output
# Makes its output look huge.
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for size in (1 << 40, 1 << 16):
    try:
        os.ftruncate(1, size)
    except OSError:
        pass


def add(a, b):
    return a + b
