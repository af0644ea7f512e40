# want: failed
# Looks in memory that was freed before the fork for the code of the candidate before it.
# A pass says that it could have copied that: the honest one is always the same.
import ctypes
import re

NEEDLE = b" ".join([b"def", b"left():"])
found = False
with open("/proc/self/maps") as maps:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        if "rw" in line and end - start <= 64 << 20:
            block = ctypes.string_at(start, end - start)
            # Its own copies of the needle stand alone.
            found = found or re.search(re.escape(NEEDLE) + rb"(\n|\\n)    found", block) is not None


def add(a, b):
    # It knows the sums of the tests only from the tests.
    return {(1, 2): 3, (10, 20): 30}.get((a, b)) if found else None
