# want: failed|timeout|error
# An iterator without end.
import itertools


def add(a, b):
    return itertools.count()
