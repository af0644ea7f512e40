# want: timeout|error
# Puts a socket of its own in the place of the judge's, and hears nothing more.
import os
import socket

ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 3)


def add(a, b):
    return a + b
