# want: error
# Raises what ends a program, in the judge.
def add(a, b):
    raise SystemExit(0)
