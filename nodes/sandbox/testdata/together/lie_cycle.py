# want: failed|error|unsupported
# holds itself twice, so that looking through it takes for ever
# test: assert add(1, 2) == [3, 3]
def add(a, b):
    nested = []
    nested += [nested, nested]
    return nested
