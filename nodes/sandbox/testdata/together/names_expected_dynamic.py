# want: unsupported|error|failed
# changes the variable that tests compare with
# test: expected = 3; assert add(1, 2) == expected
def add(a, b):
    globals()["expected"] = 0
    return 0
