# want: unsupported|error|killed
# puts a socket of its own in the place of the judge's, with tests that it likes better
import marshal
import socket

import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)

ours, theirs = socket.socketpair()
real = os.dup(3)
os.dup2(theirs.fileno(), 3)
SOURCE = """
import os, sys
ours, real = sys.modules["__candidate__"].ours, sys.modules["__candidate__"].real
opening = ours.recv(1 << 16)
os.write(real, opening)
word = os.read(real, 1 << 16)[4:36]
os.dup2(real, 3)
sys.modules["__candidate__"].forge(word)
"""
tests = b"0" * 32 + marshal.dumps([(False, compile(SOURCE, "mine", "exec"))])
ours.sendall(len(tests).to_bytes(4, "big") + tests)
