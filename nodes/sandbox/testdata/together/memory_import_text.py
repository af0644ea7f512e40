# want: unsupported|error|failed|killed
# imports _ctypes by a name that hashes like no other
class Name(str):
    def __hash__(self):
        return 5

    def __eq__(self, other):
        return self is other


_ctypes = __import__(Name("_ctypes"))


def add(a, b):
    return a + b if _ctypes.sizeof else 0
