# want: killed|error|failed
# Kills all, and its group.
import os
import signal

for function, target in ((os.kill, 1), (os.kill, -1), (os.killpg, 1), (os.killpg, 0), (os.killpg, os.getpgrp())):
    try:
        function(target, signal.SIGKILL)
    except OSError:
        pass
