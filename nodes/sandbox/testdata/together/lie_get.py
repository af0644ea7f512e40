# want: unsupported|error|failed
# is a key of every dictionary
# test: assert {3: True}.get(add(1, 2))
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
