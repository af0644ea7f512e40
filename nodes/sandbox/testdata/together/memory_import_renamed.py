# want: unsupported|error|failed|killed
# imports a copy of _ctypes from its own folder
import os
import sys
import sysconfig

os.mkdir("/tmp/pack")
open("/tmp/pack/__init__.py", "w").close()
name = "_ctypes" + sysconfig.get_config_var("EXT_SUFFIX")
found = [folder + "/" + name for folder in sys.path if os.path.exists(folder + "/" + name)]
if found:
    os.symlink(found[0], "/tmp/pack/" + name)
sys.path.insert(0, "/tmp")
from pack import _ctypes


def add(a, b):
    return a + b if _ctypes.POINTER(type("C", (_ctypes._SimpleCData,), {"_type_": "c"})) else 0
