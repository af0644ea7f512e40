# want: error|timeout|killed
# The oldest one.
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
