# want: timeout
# Never reads what the judge asks.
import json
import os
import struct
import time

data = json.dumps({"names": {"add": {"h": {"n": 0, "kind": "callable", "type": "f"}}}}).encode()
os.write(3, struct.pack(">I", len(data)) + data)
time.sleep(3600)
