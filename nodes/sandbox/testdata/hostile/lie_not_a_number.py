# want: failed
# Neither equal nor unequal.
def add(a, b):
    return float('nan')
