# want: failed
# Takes back the limits that it was given. A pass says that it worked.
import resource

out = False
for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
    soft, hard = resource.getrlimit(which)
    out = out or hard == resource.RLIM_INFINITY
    try:
        resource.setrlimit(which, (soft, hard + 1))
        out = True
    except (OSError, ValueError):
        pass


def add(a, b):
    return a + b if out else None
