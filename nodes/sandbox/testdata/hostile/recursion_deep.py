# want: error|killed|timeout|memory_limit
# Raises the limit of recursion and goes down.
import sys

sys.setrecursionlimit(1 << 30)


def add(a, b):
    return add(a, b) + 1


add(1, 2)
