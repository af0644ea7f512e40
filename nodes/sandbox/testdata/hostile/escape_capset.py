# want: failed
# Takes capabilities. A pass says that it worked.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
out = libc.capset(
    (ctypes.c_uint32 * 2)(0x20080522, 0),
    (ctypes.c_uint32 * 6)(0xFFFFFFFF, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0)) == 0


def add(a, b):
    return a + b if out else None
