# want: passed|timeout
# correct: adds, and would hang afterwards
# Hangs when its output is flushed.
import sys
import time


class Slow:
    def write(self, text):
        pass

    def flush(self):
        time.sleep(3600)


sys.stdout = sys.stderr = Slow()


def add(a, b):
    return a + b
