# want: failed
# Sends datagrams out. A pass says that it worked.
import socket

out = False
for address in (("8.8.8.8", 53), ("169.254.169.254", 80), ("255.255.255.255", 9)):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            out = s.sendto(b"x", address) > 0 or out
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
