# want: timeout|error|killed
# Announces names without end.
import os
import struct

while True:
    os.write(3, struct.pack(">I", 7) + b'{"x":1}')
