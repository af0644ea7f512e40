# want: failed|error
# A number of twelve megabits.
def add(a, b):
    return 1 << 12_000_000
