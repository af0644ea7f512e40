# want: passed|output_limit|error
# correct: adds, with its disk full
# Fills its folders.
import itertools

for folder in ("/tmp", "/dev/shm"):
    try:
        for n in itertools.count():
            with open("%s/%d" % (folder, n), "wb") as f:
                f.write(b"x" * 60000)
    except OSError:
        pass


def add(a, b):
    return a + b
