# want: passed
# correct: adds, and leaves sockets behind
# Leaves a socket and a listener on a port.
import os
import socket
import time

s = socket.socket(socket.AF_UNIX)
s.bind("/tmp/left")
s.listen()
t = socket.socket()
t.bind(("127.0.0.1", 0))
t.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)


def add(a, b):
    return a + b
