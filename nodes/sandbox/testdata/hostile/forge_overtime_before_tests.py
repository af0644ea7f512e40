# want: error|failed|timeout|killed
# So many names that the judge's time may be up before its first test.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

names = b",".join(b'"x%x":1' % n for n in range(350_000))
send(b'{"names": {' + names + b"}}")
