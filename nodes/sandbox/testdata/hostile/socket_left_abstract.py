# want: passed
# correct: adds, and leaves a socket behind
# Binds an abstract socket that the next candidate could see, and hides it in a child.
import os
import socket
import time

s = socket.socket(socket.AF_UNIX)
s.bind("\0left")
s.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)


def add(a, b):
    return a + b
