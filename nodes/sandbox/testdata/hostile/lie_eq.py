# want: failed|error
# Equal to everything.
class Yes:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __req__ = __eq__

    def __hash__(self):
        return hash(3)


def add(a, b):
    return Yes()
