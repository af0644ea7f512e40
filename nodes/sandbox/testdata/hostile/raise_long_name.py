# want: error
# An exception with a name of a megabyte, full of what isn't text.
def add(a, b):
    raise type("\ud800" * 1_000_000, (Exception,), {})("\0\ud800" * 1000)
