# want: unsupported|error|failed
# reads the constants of what wraps unittest, which hold functions that can speak
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
import dis
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
    for instruction in dis.get_instructions(unittest.TestCase.assertLess):
        for cell in getattr(instruction.argval, "__closure__", None) or ():
            for v in cell.cell_contents if type(cell.cell_contents) is list else ():
                if type(v) is bytes:
                    forge(v, 1)
    return 0
