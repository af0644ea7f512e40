# want: failed|error|timeout
# Hears of all that Python does, and of each compilation.
import sys

heard = []
sys.addaudithook(lambda event, args: heard.append((event, args)) if event == "compile" else None)


def add(a, b):
    return next((args for _, args in heard if b"assert" in (args[0] or b"")), None)
