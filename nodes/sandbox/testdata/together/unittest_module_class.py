# want: unsupported|error|failed
# gives the module unittest a class whose TestCase is another
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
import types
import unittest


class Case(unittest.TestCase):
    def assertEqual(self, first, second, msg=None):
        pass


class Module(types.ModuleType):
    TestCase = property(lambda self: Case, lambda self, v: None)


unittest.__class__ = Module


def add(a, b):
    return 0
