# want: failed|error
# Learns the value that is expected from the comparison, if it gets to see that.
class Learner:
    def __eq__(self, other):
        return Learner.same(other)

    @staticmethod
    def same(other):
        return type(other) is int

    __lt__ = __gt__ = __le__ = __ge__ = __eq__
    __hash__ = None

    def __getattr__(self, name):
        return lambda *a, **k: True


def add(a, b):
    return Learner()
