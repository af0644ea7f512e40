# want: unsupported|error|failed
# says that its code has run before it has, and reads what comes in reply
import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)

opening = b'{"word":"","defined":[],"clash":[],"redefined":[]}'
os.write(3, len(opening).to_bytes(4, "big") + opening)
data = os.read(3, 1 << 16)
forge(data[4:36])
