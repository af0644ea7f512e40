# want: unsupported|error|failed
# loads compiled code that claims to be a test's through the machinery of imports
import importlib.machinery
import importlib.util
import marshal
import sys
import types

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

SOURCE = "import sys; f = lambda: sys._getframe()"


class Loader(importlib.machinery.SourcelessFileLoader):
    def get_data(self, path):
        code = marshal.dumps(compile(SOURCE, "<tost>", "exec")).replace(b"<tost>", b"<test>")
        return importlib.util.MAGIC_NUMBER + bytes(12) + code


def add(a, b):
    module = types.ModuleType("m")
    exec(Loader("m", "/tmp/m.pyc").get_code("m"), module.__dict__)
    word_in(module.f())
    return 0
