# want: unsupported|error|failed
# has the fixture of a module that bears the test's name skip all
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

module = sys.modules["__test__"] = types.ModuleType("__test__")


def skip():
    raise unittest.SkipTest("not today")


module.setUpModule = skip


def add(a, b):
    return 0
