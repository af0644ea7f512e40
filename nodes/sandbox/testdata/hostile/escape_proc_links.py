# want: failed
# Goes through the links of the fork server to its root and its files. A pass says that it worked.
import os

out = False
for name in ("root", "cwd", "exe", "ns/mnt", "ns/pid", "fd/0", "fd/3", "fd/4", "fd/5", "map_files"):
    try:
        os.open("/proc/1/" + name, os.O_RDONLY)
        out = True
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
