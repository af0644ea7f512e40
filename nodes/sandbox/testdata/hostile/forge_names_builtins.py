# want: error|failed|killed
# test: assert abs(add(1, 2) - 3) < 1e-6
# test: assert abs(add(10, 20) - 30) < 1e-6
# Brings its own builtins for the tests, whose abs is always right.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

send({"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}},
                "__builtins__": {"d": [["abs", {"h": {"n": 1, "kind": "callable", "type": "function"}}]]}}})
for _ in range(4):
    send({"ok": 0})
