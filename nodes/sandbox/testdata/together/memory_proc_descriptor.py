# want: unsupported|error|failed
# opens its memory next to a descriptor of its folder
import os

folder = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)


def add(a, b):
    fd = os.open("mem", os.O_RDONLY, dir_fd=folder)
    return a + b if os.pread(fd, 8, id(a)) else 0
