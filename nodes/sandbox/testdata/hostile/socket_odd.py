# want: failed
# Opens raw sockets, those to the kernel, to a hypervisor, and to its crypto code. A pass says that it worked.
import socket

out = []
for family, kind, protocol in ((2, 3, 1), (2, 3, 255), (10, 3, 58), (17, 3, 768), (17, 2, 768)):
    try:
        socket.socket(family, kind, protocol)
        out.append((family, kind))
    except OSError:
        pass
try:
    with socket.socket(40, socket.SOCK_STREAM) as s:
        s.settimeout(0.2)
        s.connect((2, 22))
        out.append("vsock")
except OSError:
    pass


def add(a, b):
    return a + b if out else None
