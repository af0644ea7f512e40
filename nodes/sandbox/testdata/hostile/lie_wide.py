# want: failed|error|memory_limit|timeout
# A value that refers to the same list so often that a copy fills any memory.
def add(a, b):
    v = [0]
    for _ in range(40):
        v = [v, v]
    return v
