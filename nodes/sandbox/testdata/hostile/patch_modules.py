# want: failed|error|killed
# Patches modules that the worker uses.
import json
import os
import struct
import sys

real = os.write


def write(fd, data):
    return real(fd, data.replace(b'{"ok": null}', b'{"ok": true}'))


os.write = write
json.dumps = lambda *a, **k: '{"ended": {"verdict": "passed"}}'
struct.Struct = None
sys.modules.clear()


def add(a, b):
    return None
