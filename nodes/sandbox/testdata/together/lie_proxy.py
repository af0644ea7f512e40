# want: unsupported|error|failed
# returns a weak reference that compares as what it refers to
import weakref


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


EQUAL = Equal()


def add(a, b):
    return weakref.proxy(EQUAL)
