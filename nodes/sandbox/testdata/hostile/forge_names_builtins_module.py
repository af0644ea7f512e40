# want: error|failed|killed
# test: assert abs(add(1, 2) - 3) < 1e-6
# The builtins of the tests are another module.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

send({"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}, "__builtins__": {"m": "operator"}}})
for _ in range(4):
    send({"ok": 0})
