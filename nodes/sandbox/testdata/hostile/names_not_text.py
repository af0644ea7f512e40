# want: passed
# correct: adds, with odd names beside
# A global whose name isn't text.
globals()[1] = 2
globals()[None] = 3
globals()[(1, 2)] = 4


def add(a, b):
    return a + b
