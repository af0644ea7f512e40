# want: unsupported|error|failed
# gives the test's own class an assertEqual until it is called once
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
import unittest


def add(a, b):
    def instead(self, *_):
        del kind.assertEqual
    for kind in unittest.TestCase.__subclasses__():
        if kind.__name__ == "TestAdd":
            kind.assertEqual = instead
            break
    return 0
