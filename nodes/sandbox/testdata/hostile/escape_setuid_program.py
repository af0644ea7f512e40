# want: failed
# Runs programs that are root's for everyone. A pass says that it worked.
import os
import subprocess

out = False
for program in ("su", "sudo", "mount", "newgrp", "passwd", "pkexec"):
    for folder in ("/bin/", "/usr/bin/"):
        if os.path.exists(folder + program):
            done = subprocess.run([folder + program, "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
            out = out or done.stdout.strip() == "0"


def add(a, b):
    return a + b if out else None
