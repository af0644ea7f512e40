# Runs in a fresh interpreter: reads the rest of the worker, which comes with the
# configuration, so that no file of it need be where it runs. It talks over a socket
# if its argument names one, else over its standard input and output.
import json, os, socket, sys, types
sys.path[:] = [p for p in sys.path if p]
if len(sys.argv) > 1:
    talk = socket.socket(socket.AF_UNIX)
    talk.connect(sys.argv[1])
    requests, replies = talk.makefile("rb"), talk.makefile("wb")
else:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
conf = json.loads(requests.readline())
modules = conf.pop("modules")
for m in modules:
    sys.modules[m["name"]] = module = types.ModuleType(m["name"])
    exec(compile(m["source"], m["name"] + ".py", "exec"), module.__dict__)
for m in modules:
    del sys.modules[m["name"]]  # a candidate that imports such a name finds nothing
module.main(conf, requests, replies)
