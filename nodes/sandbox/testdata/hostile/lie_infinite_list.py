# want: timeout|error|memory_limit|failed
# test: assert list(add(1, 2)) == [3]
# The test makes a list of an iterator without end.
import itertools


def add(a, b):
    return itertools.count()
