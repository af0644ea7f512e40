# want: unsupported|error|failed
# opens its memory through a link
import os

os.symlink("/proc/self/mem", "/tmp/memory")


def add(a, b):
    with open("/tmp/memory", "rb", 0) as f:
        f.seek(id(a))
        return a + b if f.read(8) else 0
