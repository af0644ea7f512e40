# want: error|failed
# test: assert all(map(lambda c: add(*c[0]) == c[1], [((1, 2), 3), ((10, 20), 30)]))
# Ends the iteration of the test instead of answering: all() of nothing is true.
def add(a, b):
    raise StopIteration
