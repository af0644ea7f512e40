# want: passed|timeout
# correct: adds, and would hang afterwards
# Hangs when Python ends.
import atexit
import threading
import time

atexit.register(time.sleep, 3600)
threading.Thread(target=time.sleep, args=(3600,)).start()


def add(a, b):
    return a + b
