# want: failed
# Makes a control group, or leaves its own. A pass says that it worked.
import glob
import os

out = []
for folder in glob.glob("/sys/fs/cgroup") + glob.glob("/sys/fs/cgroup/*/"):
    try:
        os.mkdir(os.path.join(folder, "hatched"))
        out.append(folder)
        os.rmdir(os.path.join(folder, "hatched"))
    except OSError:
        pass
    for name in ("cgroup.procs", "tasks", "release_agent", "notify_on_release"):
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
            out.append(folder + name)
        except OSError:
            pass


def add(a, b):
    return a + b if out else None
