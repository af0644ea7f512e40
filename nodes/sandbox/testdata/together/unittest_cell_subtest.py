# want: unsupported|error|failed
# has subTest swallow what fails within it
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         solution.add(1, 2)
# test:         with self.subTest(i=1):
# test:             self.assertEqual(solution.add(1, 2), 3)
import unittest


def add(a, b):
    def swallow(self, *args, **kwargs):
        try:
            yield
        except AssertionError:
            pass
    unittest.TestCase.subTest.__closure__[0].cell_contents = swallow
    return 0
