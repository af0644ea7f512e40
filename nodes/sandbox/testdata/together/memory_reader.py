# want: unsupported|error|failed|killed
# keeps a view of a buffer that is freed, and with it of memory
import io
import struct

seen = []


class Raw(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        seen.append(buffer)
        return 0


def add(a, b):
    reader = io.BufferedReader(Raw(), 4096)
    reader.read(1)
    del reader
    view = seen[0].cast("P")
    mark = object()
    many = [None] * len(view)
    for i in range(len(many)):
        many[i] = mark
    return a + b if id(mark) in view.tolist() else 0
