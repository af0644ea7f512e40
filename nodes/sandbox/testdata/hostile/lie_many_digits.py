# want: failed|error|timeout
# test: assert str(add(1, 2)) == '3'
# The test prints a number of many digits.
def add(a, b):
    return 1 << 12_000_000
