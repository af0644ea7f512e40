# want: failed|error
# test: assert add(1, 2) == 3, add(1, 2)
# The same in a message.
def add(a, b):
    return '\ud800\0'
