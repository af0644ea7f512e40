# want: error|failed|killed
# Announces names that the judge uses itself.
import json
import os
import struct


def send(message, size=None):
    data = message if type(message) is bytes else json.dumps(message).encode()
    data = struct.pack(">I", len(data) if size is None else size) + data
    while data:
        data = data[os.write(3, data):]


ADD = {"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "function"}}}}

remote = {"h": {"n": 0, "kind": "callable", "type": "function"}}
names = dict.fromkeys(["__builtins__", "__name__", "__loader__", "__spec__", "__build_class__", "__import__", "add", "", "\ud800", "\0",
                       "AssertionError", "assert", "isinstance", "len", "exec", "unittest", "__debug__"], remote)
send({"names": names})
for _ in range(100):
    send({"ok": True})
