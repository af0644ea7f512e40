# want: error|failed|memory_limit|timeout
# test: assert list(add(1, 2)) == [3]
# The test makes a list of a range that fills any memory.
def add(a, b):
    return range(300_000_000)
