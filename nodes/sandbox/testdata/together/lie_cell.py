# want: unsupported|error|failed
# compares as a cell does, by what is in it
# test: import types; assert add(1, 2) == types.CellType(3)
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
    return types.CellType(Equal())
