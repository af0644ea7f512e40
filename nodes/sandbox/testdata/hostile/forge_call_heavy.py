# want: failed|error|timeout|killed
# test: assert apply(lambda x, y: x // y) == 3
# Has a function of the test work until it is old.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

send({"names": {"apply": {"h": {"n": 0, "kind": "callable", "type": "function"}}}})
send({"call": 0, "args": [{"i": "0x" + "f" * 2_600_000}, {"i": "0x" + "f" * 1_300_000}]})
send({"ok": None})
