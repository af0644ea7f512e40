# want: passed
# correct: adds, with a large table beside
# A table that is too large to cross, and that no test asks for.
table = list(range(3_000_000))


def add(a, b):
    return a + b
