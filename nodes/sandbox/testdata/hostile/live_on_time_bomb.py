# want: passed
# correct: adds, and has a bomb
# A child that writes later, where the next candidate is.
import os
import time

if os.fork() == 0:
    os.setsid()
    time.sleep(0.2)
    while True:
        try:
            with open("/tmp/boom", "w") as f:
                f.write("x" * 1000)
        except OSError:
            pass


def add(a, b):
    return a + b
