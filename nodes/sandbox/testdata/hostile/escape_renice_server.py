# want: failed
# Slows the fork server down. A pass says that it worked.
import os

try:
    os.setpriority(os.PRIO_PROCESS, 1, 19)
    out = True
except OSError:
    out = False


def add(a, b):
    return a + b if out else None
