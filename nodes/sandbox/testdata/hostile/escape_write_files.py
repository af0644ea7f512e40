# want: failed
# Writes where it may not: system files, its own interpreter, the tree of the host. A pass says that it worked.
import glob
import os
import sys

places = ["/etc/passwd", "/etc/hatched", "/root/.profile", "/usr/bin/python3", "/var/tmp/hatched", "/run/hatched", "/home/hatched",
          os.__file__, os.path.dirname(os.__file__) + "/hatched.py", sys.executable, "/hatched", "/dev/hatched", "/opt/hatched", "/mnt/hatched",
          "/srv/hatched", "/media/hatched", "/boot/hatched"]
places += glob.glob("/tmp/ouroflow-canary-*")
out = []
for path in places:
    try:
        with open(path, "a"):
            out.append(path)
        if "hatched" in path:
            os.unlink(path)
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
