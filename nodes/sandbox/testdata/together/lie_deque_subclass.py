# want: unsupported|error|failed
# returns a deque of its own, which compares as all do, with a liar in it
# test: from collections import deque; assert add(1, 2) == deque([3])
import collections


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


class Deque(collections.deque):
    pass


def add(a, b):
    return Deque([Equal()])
