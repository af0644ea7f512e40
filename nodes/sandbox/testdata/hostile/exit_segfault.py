# want: killed
# Crashes Python.
import ctypes

ctypes.string_at(0)
