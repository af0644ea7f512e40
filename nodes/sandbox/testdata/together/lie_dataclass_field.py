# want: unsupported|error|failed
# is in a field of the candidate's dataclass, beside the same class of the tests
# test: assert add(1, 2).x == 3
import dataclasses

class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


@dataclasses.dataclass
class Point:
    x: int


def add(a, b):
    return Point(Equal())
