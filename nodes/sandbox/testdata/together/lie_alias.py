# want: unsupported|error|failed
# compares as an alias of types does, by its arguments
# test: assert add(1, 2) == list[int]
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return list[Equal()]
