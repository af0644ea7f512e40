# want: failed|error
# Says that it is of a class that it isn't of.
class Yes:
    @property
    def __class__(self):
        raise ValueError("none")

    def __eq__(self, other):
        return True


def add(a, b):
    return Yes()
