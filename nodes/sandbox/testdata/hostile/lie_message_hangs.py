# want: timeout|failed
# test: assert add(1, 2) == 3, add(1, 2)
# Hangs while a failure is told.
class Odd:
    def __str__(self):
        while True:
            pass


def add(a, b):
    return Odd()
