# want: unsupported|error|failed
# is in every range
# test: assert add(1, 2) in range(3, 4)
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
