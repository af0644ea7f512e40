# want: error
# An endless chain of causes.
def add(a, b):
    e = ValueError("x")
    for _ in range(100_000):
        f = ValueError("y")
        f.__cause__ = e
        e = f
    raise e
