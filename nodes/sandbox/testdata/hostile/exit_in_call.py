# want: error
# Ends when it is called, as if all were well.
import os


def add(a, b):
    os._exit(0)
