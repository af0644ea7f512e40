# want: unsupported|error|failed
# changes the variable that tests compare with by its own module
# test: expected = 3; assert add(1, 2) == expected
expected = None


def add(a, b):
    import solution as me
    me.expected = 0
    return 0
