# want: unsupported|error|failed
# gives the default loader a kind of suite that runs nothing
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


class Suite(unittest.TestSuite):
    def run(self, result, debug=False):
        return result


unittest.defaultTestLoader.suiteClass = Suite


def add(a, b):
    return 0
