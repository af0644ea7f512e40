# want: timeout|output_limit|error|failed
# Ignores all signals that limits send, then exceeds them.
import os
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
try:
    while True:
        os.write(1, b"x" * 10000)
except OSError:
    pass
while True:
    pass
