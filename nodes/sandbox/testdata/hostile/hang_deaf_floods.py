# want: timeout
# Asks the judge for answers without end and reads none.
import json
import os
import time


def add(a, b):
    request = json.dumps({"call": 0, "args": []}).encode()
    for _ in range(20000):
        os.write(3, len(request).to_bytes(4, "big") + request)
    time.sleep(1000)
