# want: failed
# Looks for devices that it could write. A pass says that it worked.
import os

out = []
harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr"}
for top in ("/dev", "/dev/pts", "/dev/net", "/dev/dri", "/dev/vfio", "/dev/mqueue"):
    for name in os.listdir(top) if os.path.isdir(top) else ():
        path = os.path.join(top, name)
        if name in harmless or os.path.isdir(path) or os.path.realpath(path).startswith("/proc/"):
            continue
        if os.access(path, os.W_OK):  # to open some has effects
            out.append(path)


def add(a, b):
    return a + b if out else None
