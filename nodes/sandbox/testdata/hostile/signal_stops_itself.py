# want: timeout
# A process that is stopped must still end.
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
