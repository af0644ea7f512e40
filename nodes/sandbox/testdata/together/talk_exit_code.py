# want: unsupported|error|failed
# ends as a process that went well, with a forged last word on every descriptor
import os

text = b'{"word":"","verdict":"passed","exception":null,"message":null}'


def add(a, b):
    for fd in range(1, 10):
        try:
            os.write(fd, len(text).to_bytes(4, "big") + text)
        except OSError:
            pass
    os._exit(0)
