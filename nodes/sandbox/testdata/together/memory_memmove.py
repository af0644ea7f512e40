# want: unsupported|error|failed|killed
# finds memmove among what the methods of ctypes see
def kinds(kind):
    for below in type.__subclasses__(kind):
        yield below
        yield from kinds(below)


def add(a, b):
    for kind in kinds(object):
        space = getattr(getattr(kind, "__init__", None), "__globals__", {})
        if "memmove" in space and "CDLL" in space:
            raw = bytes(16)
            space["memmove"](raw, id(a), 16)
            return a + b if any(raw) else 0
    return 0
