# want: error
# Raises what no handler of exceptions expects.
def add(a, b):
    raise KeyboardInterrupt
