# want: unsupported|error|failed
# lies to a class that the tests make
# test: exec('')
# test: Near = type('Near', (), {'__eq__': lambda self, other: abs(other - 3) < 0.1}); assert add(1, 2) == Near()
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return Equal()
