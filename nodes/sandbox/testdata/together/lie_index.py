# want: unsupported|error|failed
# is found among others
# test: assert [1, 3].index(add(1, 2)) == 0 or [3].index(add(1, 2)) == 0
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
