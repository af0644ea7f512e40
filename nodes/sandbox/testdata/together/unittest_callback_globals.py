# want: unsupported|error|failed
# changes what the test's module compares with, found by a function handed over
# form: functions
# test: import solution
# test: WANT = 3
# test: def key(x):
# test:     return x
# test: def test_sum():
# test:     assert solution.add(1, 2, key=key) == WANT
def add(a, b, key=None):
    key.__globals__["WANT"] = 0
    return 0
