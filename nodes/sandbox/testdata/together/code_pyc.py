# want: unsupported|error|failed
# imports a compiled file that says it is of the standard library
import enum
import importlib.util
import marshal
import sys

import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)


def word_in(frame):
    """The word that the judge waits for, in the variables of who called."""
    while frame is not None:
        for v in list(frame.f_locals.values()):
            if type(v) is list and len(v) == 1 and type(v[0]) is bytes and len(v[0]) == 32:
                forge(v[0])
        frame = frame.f_back

with open("/tmp/forged.pyc", "wb") as f:
    path = enum.__file__
    code = marshal.dumps(compile("import sys; f = lambda: sys._getframe()", "#" * len(path), "exec"))
    f.write(importlib.util.MAGIC_NUMBER + bytes(12) + code.replace(b"#" * len(path), path.encode()))
sys.path.insert(0, "/tmp")
import forged


def add(a, b):
    word_in(forged.f())
    return 0
