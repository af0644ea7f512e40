# want: unsupported|error|failed
# replaces assertEqual until it is called once
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
    before = unittest.TestCase.assertEqual

    def instead(*_):
        unittest.TestCase.assertEqual = before
    unittest.TestCase.assertEqual = instead
    return 0
