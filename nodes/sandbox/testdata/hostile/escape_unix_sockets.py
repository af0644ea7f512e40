# want: failed
# Sockets in the file system are in no network namespace: services of the host listen there. A pass says that it worked.
import os
import socket

out = []
for top in ("/run", "/var/run", "/var/tmp", "/var/lib", "/dev"):
    for folder, _, names in os.walk(top):
        for name in names:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                try:
                    with socket.socket(socket.AF_UNIX, kind) as s:
                        s.settimeout(0.1)
                        s.connect(os.path.join(folder, name))
                        out.append(os.path.join(folder, name))
                except OSError:
                    pass


def add(a, b):
    return a + b if out else None
