# want: unsupported|error|failed
# asks the collector for all lists
import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)

import gc


def add(a, b):
    for v in gc.get_objects():
        if type(v) is list and len(v) == 1 and type(v[0]) is bytes and len(v[0]) == 32:
            forge(v[0])
    return 0
