# want: failed|error|killed
# A value that there isn't.
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
send({"ok": {"p": "0"}, "args": [{"p": "0"}, {"p": "0"}]})
