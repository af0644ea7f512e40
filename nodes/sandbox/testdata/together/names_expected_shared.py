# want: unsupported|error|failed
# has a variable of the same name that tests compare with, and changes it
# test: expected = 3; assert add(1, 2) == expected
expected = None


def add(a, b):
    global expected
    expected = 0
    return 0
