# want: failed|error|memory_limit|killed
# test: assert apply(lambda x, y: len(x * y) and 0) == 3
# Has a function of the test take sixteen gigabytes.
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
send({"call": 0, "args": ["x" * 4_000_000, 12_000]})
send({"ok": None})
