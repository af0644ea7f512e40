# want: failed|error
# A tuple that is equal to everything, and says that it is an int.
class Yes(tuple):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)

    __class__ = int


def add(a, b):
    return Yes(())
