# want: failed|error|timeout|killed
# A range that takes minutes to measure.
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
send({"ok": {"r": [0, {"i": "0x" + "f" * 2_600_000}, {"i": "0x1" + "7" * 1_299_999}]}})
