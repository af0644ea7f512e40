# want: failed|error|killed
# test: assert len(add(1, 2)) == 3
# A length that is no number, or as large as none.
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
for length in ({"h": {"n": 5, "kind": "object", "type": "x"}}, "9" * 1_000_000, -1, {"i": "0x" + "f" * 1000}):
    send({"ok": {"h": {"n": 4, "kind": "object", "type": "list"}}})
    send({"ok": length})
