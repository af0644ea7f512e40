# want: error|killed
# A frame that starts like other encodings of JSON.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

for start in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0\0\0{"):
    send(start + b'{"names": {}}')
