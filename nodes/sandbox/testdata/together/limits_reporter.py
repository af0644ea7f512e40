# want: unsupported|error|failed|memory_limit|killed
# leaves the sandbox no memory and no stack to say what failed
import resource
import sys


def add(a, b):
    sys.setrecursionlimit(60)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
    return 0
