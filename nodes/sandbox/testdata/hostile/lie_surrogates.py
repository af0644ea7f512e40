# want: failed
# Text that isn't any.
def add(a, b):
    return '\ud800\0\udfff' * 1000
