# want: failed
# Looks for the tests in frames and in all objects.
import gc
import sys

NEEDLE = " ".join(["assert", "add("])
found = False
frame = sys._getframe()
while frame:
    found = found or any(type(v) is str and NEEDLE in v and v != NEEDLE for v in frame.f_locals.values())
    frame = frame.f_back
for o in gc.get_objects():
    if type(o) in (list, tuple):
        found = found or any(type(v) is str and v.startswith(NEEDLE) and v != NEEDLE for v in list(o))
    elif type(o) is dict:
        found = found or any(type(v) is str and v.startswith(NEEDLE) and v != NEEDLE for v in list(o.values()))


def add(a, b):
    # It knows the sums of the tests only from the tests.
    return {(1, 2): 3, (10, 20): 30}.get((a, b)) if found else None
