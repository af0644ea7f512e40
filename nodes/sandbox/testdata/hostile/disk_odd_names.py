# want: passed
# correct: adds, and leaves odd files
# Names that no text has, folders that nobody may enter, links that go round.
import os

for name in (b"\xff\xfe", b"new\nline", b"-rf", b" ", b"\x01", b"x" * 255):
    os.mkdir(b"/tmp/" + name)
    os.close(os.open(b"/tmp/" + name + b"/" + name, os.O_CREAT))
    os.chmod(b"/tmp/" + name, 0)
os.symlink("/tmp", "/tmp/round")
os.symlink("/", "/dev/shm/root")
os.symlink("/etc", "/tmp/etc")


def add(a, b):
    return a + b
