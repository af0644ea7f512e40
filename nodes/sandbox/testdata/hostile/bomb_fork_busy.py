# want: timeout|error|failed|killed
# Its children keep the processor from it, and replace each other when their time is up:
# the candidate is starved by its own.
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def burn():
    while True:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        if os.fork() != 0:
            os._exit(0)


for _ in range(24):
    if os.fork() == 0:
        burn()
while True:
    time.sleep(0)
