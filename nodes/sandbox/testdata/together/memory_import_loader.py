# want: unsupported|error|failed|killed
# makes the module _ctypes without an import, and a pointer of it
import importlib.machinery
import importlib.util

spec = importlib.machinery.PathFinder.find_spec("_ctypes")
_ctypes = importlib.util.module_from_spec(spec)


def add(a, b):
    char = type("C", (_ctypes._SimpleCData,), {"_type_": "c"})
    pointer = _ctypes.POINTER(char)(char(b"x"))
    return a + b if pointer[0] else 0
