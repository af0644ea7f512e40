# want: timeout
# Hangs in the handler of the signal that says that its time is up.
import signal
import time


def stay(*_):
    while True:
        pass


signal.signal(signal.SIGXCPU, stay)
signal.signal(signal.SIGALRM, stay)
signal.alarm(1)
while True:
    pass
