# want: unsupported|error|failed
# replaces how the sandbox runs test functions while one runs
# form: functions
# test: import solution
# test: import unittest
# test: def test_a():
# test:     solution.add(1, 2)
# test: class TestB(unittest.TestCase):
# test:     def test_b(self):
# test:         self.assertEqual(solution.add(1, 2), 3)
def add(a, b):
    for kind in object.__subclasses__():
        if kind.__name__ == "Served":
            space = kind.__init__.__globals__
            space["run_cases"] = lambda *_: 1
            space["finish"] = lambda *_: None
    return 0
