# want: passed
# correct: adds, and leaves deep folders
# A folder in a folder, two thousand times: who removes them by recursion, or with a
# descriptor for each, fails.
import os

for _ in range(2000):
    os.mkdir("d")
    os.chdir("d")


def add(a, b):
    return a + b
