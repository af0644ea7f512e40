# want: passed|timeout
# correct: adds, and would hang afterwards
# Hangs when its last object goes.
import time


class Stay:
    def __del__(self):
        time.sleep(3600)


stay = Stay()


def add(a, b):
    return a + b
