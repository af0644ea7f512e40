# want: unsupported|error|failed
# replaces the function within what unittest runs each part of a test with
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
import unittest.case


def add(a, b):
    def parts(self, *args, **kwargs):
        try:
            yield
        except AssertionError:
            pass
    unittest.case._Outcome.testPartExecutor.__closure__[0].cell_contents = parts
    return 0
