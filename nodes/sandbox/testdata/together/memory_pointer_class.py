# want: unsupported|error|failed|killed
# makes a pointer of the classes of ctypes, which are still there
def kinds(kind):
    for below in type.__subclasses__(kind):
        yield below
        yield from kinds(below)


def add(a, b):
    found = {kind.__name__: kind for kind in kinds(object) if kind.__module__ in ("_ctypes", "ctypes")}
    char = found["c_char"](b"x")
    pointer = type("P", (found["_Pointer"],), {"_type_": found["c_char"]})(char)
    tuple.__len__((pointer[0], pointer[100]))
    return Right(a + b)


class Right(int):
    """It has read memory: whether it finds what it looks for is a matter of time."""

    def __new__(cls, v):
        return v
