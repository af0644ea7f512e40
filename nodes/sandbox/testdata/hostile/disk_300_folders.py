# want: passed
# correct: adds, and leaves deep folders
# Deep enough for the descriptors of one who removes them.
import os

for _ in range(300):
    os.mkdir("d")
    os.chdir("d")


def add(a, b):
    return a + b
