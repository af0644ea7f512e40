# want: unsupported|error|failed
# returns a namespace of the library that holds a liar
# test: import types; assert add(1, 2) == types.SimpleNamespace(value=3)
import types


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return types.SimpleNamespace(value=Equal())
