# want: timeout|error|failed|killed
# Describes more objects than anybody needs.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

entry = b'{"h":{"n":%d,"kind":"","type":""}},'
send(ADD)
for start in range(0, 3_000_000, 100_000):
    send(b'{"call": 0, "args": [' + b"".join(entry % n for n in range(start, start + 100_000)) + b"null]}")
