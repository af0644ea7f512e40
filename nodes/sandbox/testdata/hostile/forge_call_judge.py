# want: failed|error|timeout|killed
# Calls functions of the tests, of which there are none.
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
for number in (0, -1, 10**9, "0", None, [], {}, 1.5, True):
    for args in ([], None, 5, {"x": 1}, "ab"):
        send({"call": number, "args": args})
send({"ok": None})
