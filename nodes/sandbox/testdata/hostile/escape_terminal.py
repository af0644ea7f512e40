# want: failed|error
# Puts keystrokes into the terminal that ouroflow may have been started from. A pass says that it worked.
import fcntl
import os
import termios

out = False
for path in ["/dev/tty", "/dev/console"] + ["/dev/pts/" + name for name in os.listdir("/dev/pts") if name != "ptmx"]:
    try:
        fcntl.ioctl(os.open(path, os.O_RDWR | os.O_NONBLOCK), termios.TIOCSTI, b"x")
        out = True
    except OSError:
        pass


def add(a, b):
    return a + b if out else None
