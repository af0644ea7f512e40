# want: error
# The same before the tests.
raise type("N" * 1_000_000, (Exception,), {})("\0\ud800" * 100000)
