# want: passed|error
# correct: adds, without a spare descriptor
# Has no descriptor left when it answers.
import os

try:
    while True:
        os.dup(0)
except OSError:
    pass


def add(a, b):
    return a + b
