# want: unsupported|error|killed
# has a thread pass on the talk with the judge until both trust each other
import marshal
import socket
import threading

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
real = sys.modules["__candidate__"].real
word = os.read(real, 1 << 16)[4:36]
os.dup2(real, 3)
sys.modules["__candidate__"].forge(word)
"""


def relay():
    opening = ours.recv(1 << 16)
    word = opening[opening.index(b'"word":"') + 8:][:32]
    os.write(real, opening)
    tests = (word if len(word) == 32 and b'"' not in word else b"0" * 32) + marshal.dumps([(False, compile(SOURCE, "mine", "exec"))])
    ours.sendall(len(tests).to_bytes(4, "big") + tests)


threading.Thread(target=relay).start()
