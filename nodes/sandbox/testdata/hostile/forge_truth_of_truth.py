# want: error|failed|timeout|killed
# test: assert not add(1, 2)
# Whether it is true, is another object, and so on.
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
