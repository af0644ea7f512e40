# want: timeout
# Hangs when it is called.
import time


def add(a, b):
    time.sleep(3600)
