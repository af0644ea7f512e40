# want: passed
# correct: adds, and has a daemon
# A daemon: twice forked, its own session, deaf to signals.
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.closerange(0, 256)
        while True:
            time.sleep(0.05)
            with open("/tmp/alive", "a") as f:
                f.write("x")
    os._exit(0)


def add(a, b):
    return a + b
