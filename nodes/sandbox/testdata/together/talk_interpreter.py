# want: unsupported|error|failed
# runs code in another interpreter, which nobody watches
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters


def add(a, b):
    interpreters.run_string(interpreters.create(), "import _ctypes")
    return a + b
