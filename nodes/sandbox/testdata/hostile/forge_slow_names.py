# want: failed|error|timeout|killed
# restarts: the judge is kept in C code, which only the end of its process can end
# The same in the names, before there is a test.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

PRIME = 2**61 - 1
send({"names": {"add": {"d": [[{"i": hex(n * PRIME)}, 0] for n in range(1, 100_000)]}}})
