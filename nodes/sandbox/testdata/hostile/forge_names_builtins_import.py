# want: error|failed|killed
# test: import math; assert [x for x in (1, 2)] and add == 3
# The builtins of the tests are no dictionary when they import.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

send({"names": {"add": 1, "__builtins__": 7}})
