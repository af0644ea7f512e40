# want: error
# Passes one test, and ends.
import os


def add(a, b):
    if a == 10:
        os._exit(0)
    return a + b
