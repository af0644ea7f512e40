# want: unsupported|error|failed
# keeps assertRaises from failing once
# form: functions
# test: import unittest
# test: import solution
# test: class TestAdd(unittest.TestCase):
# test:     def test_sum(self):
# test:         with self.assertRaises(ValueError):
# test:             solution.add(1, 2)
import unittest.case

CONTEXT = unittest.case._BaseTestCaseContext


def add(a, b):
    before = CONTEXT._raiseFailure

    def instead(*_):
        CONTEXT._raiseFailure = before
    CONTEXT._raiseFailure = instead
    return 0
