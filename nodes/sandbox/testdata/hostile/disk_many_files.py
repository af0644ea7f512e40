# want: passed|timeout|error
# correct: adds, and leaves many files
# Many empty files cost memory that no limit of bytes counts, and time to remove.
import os

folder = "/tmp/many"
os.mkdir(folder)
for worker in range(16):
    if os.fork() == 0:
        for n in range(100_000):
            os.close(os.open("%s/%d-%s%d" % (folder, worker, "x" * 200, n), os.O_CREAT | os.O_WRONLY))
        os._exit(0)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass


def add(a, b):
    return a + b
