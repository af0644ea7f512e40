# Runs in a fresh interpreter: reads the rest of the worker, which comes with the
# configuration, so that no file of it need be where it runs. It talks over a socket
# if its argument names one, else over its standard input and output.
import _socket, json, os, sys, types
sys.path[:] = [p for p in sys.path if p]
if len(sys.argv) > 1:
    talk = _socket.socket(_socket.AF_UNIX)
    talk.connect(sys.argv[1])
    requests, replies = (os.fdopen(os.dup(talk.fileno()), mode) for mode in ("rb", "wb"))
    talk.close()
else:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
conf = json.loads(requests.readline())
served, judging = conf.pop("served"), conf.pop("judging")
ours = {}
def load(modules):
    sys.modules.update(ours)
    for m in modules:
        sys.modules[m["name"]] = ours[m["name"]] = module = types.ModuleType(m["name"])
        exec(compile(m["source"], "<ouroflow>" + m["name"], "exec"), module.__dict__)
    for name in ours:
        del sys.modules[name]  # a candidate that imports such a name finds nothing
load(served)
control = ours["server"].start(conf)
load(judging)
ours["judge"].main(conf, *control, requests, replies)
