# want: unsupported|error|failed
# is counted among others
# test: assert [3].count(add(1, 2)) == 1
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
