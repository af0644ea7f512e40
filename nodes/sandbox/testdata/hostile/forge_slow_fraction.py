# want: failed|error|timeout|killed
# restarts: the judge is kept in C code, which only the end of its process can end
# A fraction that takes minutes to reduce.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

import random

a, b = (random.getrandbits(7_000_000) for _ in range(2))
send(ADD)
send({"ok": {"fr": [{"i": hex(a)}, {"i": hex(b)}]}})
