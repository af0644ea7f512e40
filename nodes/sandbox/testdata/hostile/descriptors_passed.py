# want: failed|error
# Sends descriptors along with its frames, for the judge to run out of them.
import json
import os
import socket
import struct

s = socket.socket(fileno=os.dup(3))
data = json.dumps({"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}).encode()
for byte in struct.pack(">I", len(data)) + data:
    socket.send_fds(s, [bytes([byte])], [0] * 100)


def add(a, b):
    return None


data = json.dumps({"ok": None}).encode()
os.write(3, struct.pack(">I", len(data)) + data)
