# want: unsupported|error|failed
# lets inspect, which may read code, read that of unittest's wrappers
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
import inspect
import unittest

import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)


def add(a, b):
    unwrapped = inspect.getclosurevars(unittest.TestCase.assertLess)
    code = inspect.getmembers(unittest.TestCase.assertLess, inspect.iscode)
    for constant in code[0][1].co_consts:
        for cell in getattr(constant, "__closure__", None) or ():
            if type(cell.cell_contents) is list and type(cell.cell_contents[0]) is bytes:
                forge(cell.cell_contents[0], 1)
    return 0
