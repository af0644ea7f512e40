# want: output_limit|error
# Writes errors without end, from below Python.
import os

while True:
    os.write(2, b"x" * 4096)
