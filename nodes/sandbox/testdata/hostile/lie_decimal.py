# want: failed|error|timeout|memory_limit
# restarts: the judge is kept in C code, which only the end of its process can end
# test: assert int(add(1, 2)) == 3
# The test makes an int of a decimal with a large exponent.
import decimal


def add(a, b):
    return decimal.Decimal("1e999999999")
