# want: passed|failed
# correct: adds, and leaves a note
# Leaves a note in a message queue, a number in a semaphore.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

number = libc.msgget(0x6F75726F, 0o1666)
libc.msgsnd(number, b"\1\0\0\0\0\0\0\0add", 3, 0)
libc.semget(0x6F75726F, 8, 0o1666)
libc.semctl(libc.semget(0x6F75726F, 8, 0), 0, 16, 42)


def add(a, b):
    return a + b
