# want: error|failed|timeout|killed
# test: assert list(add(1, 2)) == [3]
# Its iterator has an iterator, and so on.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

send(ADD)
for n in range(200):
    send({"ok": {"h": {"n": n, "kind": "object", "type": "x"}}})
