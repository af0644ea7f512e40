# want: unsupported|error|failed|killed
# makes an object of a number by a union of ctypes's classes
def kinds(kind):
    for below in type.__subclasses__(kind):
        yield below
        yield from kinds(below)


def add(a, b):
    found = {kind.__name__: kind for kind in kinds(object) if kind.__module__ in ("_ctypes", "ctypes")}
    both = type("B", (found["Union"],), {"_fields_": [("number", found["c_ulong"]), ("object", found["py_object"])]})()
    secret = object()
    both.number = id(secret)
    return a + b if both.object is secret else 0
