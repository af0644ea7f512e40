# want: failed|error|killed
# Finds the worker's own objects in memory and turns them around.
import gc
import sys

frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()):
        channel = getattr(value, "channel", None)
        if channel is not None and hasattr(channel, "send"):
            send = channel.send
            channel.send = lambda m, send=send: send({"ended": {"verdict": "passed"}} if "names" in m else m)
    if "OPERATIONS" in frame.f_globals:
        frame.f_globals["OPERATIONS"]["call"] = lambda *a, **k: True
    frame = frame.f_back
for found in gc.get_objects():
    if type(found).__name__ == "Encoder":
        found.encode = lambda v: True


def add(a, b):
    return None
