# want: passed|error|killed
# correct: adds, having sent signals
# Queues real-time signals at the fork server.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

information = ctypes.create_string_buffer(128)
for number in range(34, 65):
    ctypes.c_int.from_buffer(information, 0).value = number
    ctypes.c_int.from_buffer(information, 8).value = -1
    for pid in (1, os.getppid()):
        libc.syscall(129, pid, number, information)
        try:
            os.kill(pid, number)
        except OSError:
            pass


def add(a, b):
    return a + b
