# want: unsupported|error|failed
# changes what the test's module compares with, found by its class
# form: functions
# test: import unittest
# test: import solution
# test: WANT = 3
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         self.assertEqual(solution.add(1, 2), WANT)
import unittest


def add(a, b):
    for kind in unittest.TestCase.__subclasses__():
        if kind.__name__ == "TestAdd":
            kind.test_sum.__globals__["WANT"] = 0
    return 0
