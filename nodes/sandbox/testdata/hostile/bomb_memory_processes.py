# want: passed|timeout|killed
# correct: adds, and its children hold memory
# Many processes take some memory each.
import os
import time

for _ in range(12):
    if os.fork() == 0:
        hog = bytearray(100 << 20)
        time.sleep(60)


def add(a, b):
    return a + b
