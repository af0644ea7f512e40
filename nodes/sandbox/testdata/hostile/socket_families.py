# want: failed|passed
# correct: only to count them; see the log
# The kernel's rarer protocols have had most of its holes; no program of a test needs them.
# Netlink, AF_ALG, vsock, AF_TIPC, AF_RDS, AF_KCM, AF_XDP, AF_CAN, AF_BLUETOOTH ...
import socket

opened = []
for family in range(3, 46):
    if family == 10:
        continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            opened.append(family)
        except OSError:
            pass


def add(a, b):
    return a + b if opened else None
