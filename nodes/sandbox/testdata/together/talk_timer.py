# want: unsupported|error|killed|timeout
# has a timer's signal speak for it
import signal

import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)


def forged(*_):
    forge(b"0" * 32)


signal.signal(signal.SIGALRM, forged)
signal.setitimer(signal.ITIMER_REAL, 0.01)


def add(a, b):
    while True:
        pass
