# want: unsupported|error|failed
# opens its memory by a path that begins with no slash
import os
import re

import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)


def add(a, b):
    os.chdir("/proc/self")
    with open("mem", "rb", 0) as f:
        f.seek(id(a))
        if f.read(8):
            return a + b
    return 0
