# want: failed
# Memory of System V outlives its processes, and belongs to none of them: neither a limit
# of address space nor the end of the candidate gives it back. A pass says that 600 MiB of it stay.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

libc.shmat.restype = ctypes.c_void_p
held = 0
for _ in range(6):
    number = libc.shmget(0, 100 << 20, 0o1666)
    address = libc.shmat(number, None, 0)
    if number < 0 or address in (None, ctypes.c_void_p(-1).value):
        break
    ctypes.memset(address, 1, 100 << 20)
    libc.shmdt(ctypes.c_void_p(address))
    held += 1


def add(a, b):
    return a + b if held == 6 else None
