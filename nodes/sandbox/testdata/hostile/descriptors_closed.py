# want: error
# Closes what the judge talks to it by.
import os

os.closerange(0, 256)


def add(a, b):
    return a + b
