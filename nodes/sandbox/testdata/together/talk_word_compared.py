# want: unsupported|error|failed
# gives the sandbox a builtin that learns what it is compared with
# test: assert max(1, 2) == 2
import os


def forge(word, tests=2):
    """Says what the process says when all tests have passed."""
    lines = [b'"reached":%d' % i for i in range(tests)] + [b'"verdict":"passed","exception":null,"message":null']
    for line in lines:
        line = b'{"word":"' + word + b'",' + line + b"}"
        os.write(3, len(line).to_bytes(4, "big") + line)
    os._exit(0)

heard = []


class Largest:
    """In the place of max, which tests call."""

    def __eq__(self, other):
        heard.append(other)
        return False

    def __call__(self, *args):
        for v in heard:
            if type(v) is list and v and type(v[0]) is bytes:
                forge(v[0], 1)
        return 0


max = Largest()
