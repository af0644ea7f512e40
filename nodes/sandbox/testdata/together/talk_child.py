# want: unsupported|error|killed
# has a child speak for it
import os



def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)


def add(a, b):
    if os.fork():
        os.wait()
    forge(b"0" * 32)
    return 0
