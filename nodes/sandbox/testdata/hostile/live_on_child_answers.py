# want: error|failed|killed|passed
# correct: the child adds rightly; whether it is heard before the end of its parent is, is a race
# The process that the server knows ends, and a child of it goes on to answer.
import os

if os.fork() != 0:
    os._exit(0)
os.setsid()


def add(a, b):
    return a + b
