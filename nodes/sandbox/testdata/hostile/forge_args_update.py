# want: failed|error|killed
# Changes arguments of other types, and more than there are.
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
for args in ([3, 0], [{"t": []}] * 5, {"t": [1, 2]}, 7):
    send({"ok": None, "args": args})
