# want: unsupported|error|failed|killed
# makes the module _ctypes without an import
import importlib.machinery
import importlib.util

spec = importlib.machinery.PathFinder.find_spec("_ctypes")
_ctypes = importlib.util.module_from_spec(spec)


def add(a, b):
    return a + b if _ctypes.sizeof else 0
