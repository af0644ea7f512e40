# want: unsupported|error|failed|killed
# imports a copy of _ctypes under another package's name
import glob
import os
import shutil
import sys

os.mkdir("/tmp/pack")
open("/tmp/pack/__init__.py", "w").close()
for folder in sys.path:
    for path in glob.glob(folder + "/_ctypes.*.so") + glob.glob(folder + "/lib-dynload/_ctypes.*.so"):
        shutil.copy(path, "/tmp/pack")
sys.path.insert(0, "/tmp")
from pack import _ctypes


def add(a, b):
    pointer = _ctypes.POINTER(type("C", (_ctypes._SimpleCData,), {"_type_": "c"}))
    return a + b if pointer else 0
