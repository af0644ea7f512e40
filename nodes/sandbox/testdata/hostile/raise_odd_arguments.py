# want: error
# Exceptions of Python that can't be made of their arguments.
import json
import os
import struct


def send(message):
    data = json.dumps(message).encode()
    os.write(3, struct.pack(">I", len(data)) + data)


send({"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "f"}}}})
for kind, args in (("ExceptionGroup", ["x", ""]), ("UnicodeDecodeError", [1]), ("SystemExit", [0])):
    send({"raised": {"type": kind, "message": "", "args": args}})
