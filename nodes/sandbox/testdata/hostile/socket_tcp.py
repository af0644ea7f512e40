# want: failed
# Connects to this machine, to the metadata of clouds, and to a resolver. A pass says that it worked.
import socket

out = False
for address in (("127.0.0.1", 22), ("169.254.169.254", 80), ("1.1.1.1", 53), ("10.0.0.1", 80)):
    try:
        with socket.socket() as s:
            s.settimeout(0.2)
            s.connect(address)
            out = True
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
