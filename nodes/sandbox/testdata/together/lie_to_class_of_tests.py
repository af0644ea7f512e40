# want: unsupported|error|failed
# lies to a class that a module of tests makes
# form: functions
# test: import solution
# test: class Near:
# test:     def __init__(self, v):
# test:         self.v = v
# test:     def __eq__(self, other):
# test:         return abs(other - self.v) < 0.1
# test: def test_sum():
# test:     assert solution.add(1, 2) == Near(3)
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
