# want: passed|memory_limit|error|killed
# correct: adds, and hogs
# Files in memory, as many as there are descriptors, written to by many.
import os

for _ in range(8):
    if os.fork() == 0:
        try:
            while True:
                os.write(os.memfd_create("hog"), b"x" * 60000)
        except OSError:
            pass
        os._exit(0)


def add(a, b):
    return a + b
