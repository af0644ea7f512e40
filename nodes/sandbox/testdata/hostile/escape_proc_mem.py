# want: failed
# Opens the memory of the fork server and of every other process. A pass says that it worked.
import os

out = False
for pid in os.listdir("/proc"):
    if not pid.isdigit() or int(pid) == os.getpid():
        continue
    for name in ("mem", "environ", "maps", "syscall", "stack", "auxv"):
        try:
            with open("/proc/%s/%s" % (pid, name), "rb") as f:
                out = bool(f.read(1)) or out
        except OSError:
            pass


def add(a, b):
    return a + b if out else None
