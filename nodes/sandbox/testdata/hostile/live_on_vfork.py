# want: passed|timeout
# correct: adds, and has a child that sleeps
# A parent that waits in the kernel for a child that doesn't end.
import subprocess
import threading

threading.Thread(target=lambda: subprocess.run(["/bin/sleep", "60"]), daemon=True).start()


def add(a, b):
    return a + b
