# want: unsupported|error|failed
# returns a slice of liars
# test: assert add(1, 2) == slice(1, 2)
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return slice(Equal(), Equal())
