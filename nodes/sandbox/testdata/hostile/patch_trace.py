# want: failed|error
# Traces all lines, and skips what it can.
import sys


def trace(frame, event, arg):
    if frame.f_code.co_filename == "<test>":
        raise SystemExit(0)
    return trace


sys.settrace(trace)
sys.setprofile(lambda *a: None)


def add(a, b):
    return None
