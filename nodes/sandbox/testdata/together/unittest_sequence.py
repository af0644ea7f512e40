# want: timeout|memory_limit|failed|error|unsupported
# returns a sequence of its own, whose elements are equal to all
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         self.assertSequenceEqual(solution.add(1, 2), [1, 2])
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


class Sequence:
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return Equal()


def add(a, b):
    return Sequence()
