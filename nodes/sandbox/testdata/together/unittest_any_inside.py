# want: unsupported|error|failed
# returns a list of what mocks compare as equal to all
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         self.assertEqual(solution.add(1, 2), [3])
import unittest.mock


def add(a, b):
    return [unittest.mock.ANY]
