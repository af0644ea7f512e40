# want: killed|error|failed|passed
# correct: adds, if it is quick
# An alarm that goes off during a later test.
import signal

signal.setitimer(signal.ITIMER_REAL, 0.0001)


def add(a, b):
    return a + b
