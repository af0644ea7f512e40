# want: passed
# correct: adds, and holds files
# Deletes its files and keeps them open, in a process that wants to live on.
import os
import time

for n in range(100):
    fd = os.open("/tmp/%d" % n, os.O_CREAT | os.O_RDWR)
    os.write(fd, b"x" * 60000)
    os.unlink("/tmp/%d" % n)
if os.fork() == 0:
    os.setsid()
    time.sleep(60)


def add(a, b):
    return a + b
