# want: failed
# Sets the limits of the fork server, which each candidate after it would inherit. A pass says that it worked.
import resource

out = False
for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_AS, resource.RLIMIT_CPU):
    try:
        resource.prlimit(1, which, (1, 1))
        out = True
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
