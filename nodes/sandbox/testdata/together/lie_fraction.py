# want: unsupported|error|failed
# returns a fraction whose numerator is a liar
# test: from fractions import Fraction; assert add(1, 2) == 3
import fractions


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


fraction = fractions.Fraction(1)
fraction._numerator = Equal()


def add(a, b):
    return fraction
