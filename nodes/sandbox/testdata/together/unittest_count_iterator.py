# want: unsupported|error|failed
# hands out liars from an iterator
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         self.assertCountEqual(solution.add(1, 2), [3])
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return iter([Equal()])
