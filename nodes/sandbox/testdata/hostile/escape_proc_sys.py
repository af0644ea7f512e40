# want: failed
# Sets parameters of the kernel and of its namespaces. A pass says that it worked.
import os

out = []
for top in ("/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs", "/proc/sys/net/core", "/proc/sys/net/ipv4", "/proc/sys/user"):
    for name in os.listdir(top) if os.path.isdir(top) else ():
        if name == "ns_last_pid":
            continue  # anybody may open it, and nobody may write it
        try:
            os.close(os.open(os.path.join(top, name), os.O_WRONLY))
            out.append(name)
        except OSError:
            pass
for path in ("/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/cgroup.procs", "/sys/power/state"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        out.append(path)
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
