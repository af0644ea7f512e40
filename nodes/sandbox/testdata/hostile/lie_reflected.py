# want: failed|error
# test: assert abs(add(1, 2) - 3) < 1e-6
# test: assert abs(3 - add(1, 2)) < 1e-6
# Operators that answer for the other side.
class Yes(int):
    def __rsub__(self, other):
        return 0

    __sub__ = __radd__ = __add__ = __abs__ = __neg__ = __rsub__

    def __lt__(self, other):
        return True

    __gt__ = __le__ = __ge__ = __lt__


def add(a, b):
    return Yes(7)
