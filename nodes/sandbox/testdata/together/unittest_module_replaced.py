# want: unsupported|error|failed
# puts a unittest of its own in the place of the module
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         got = solution.add(1, 2)
# test:         self.assertEqual(got, 3)
# test:     def test_more(self):
# test:         got = solution.add(10, 20)
# test:         self.assertEqual(got, 30)
import sys
import types
import unittest

fake = types.ModuleType("unittest")
fake.__dict__.update(vars(unittest))


class TestCase(unittest.TestCase):
    def assertEqual(self, first, second, msg=None):
        pass


fake.TestCase = TestCase
sys.modules["unittest"] = fake


def add(a, b):
    return 0
