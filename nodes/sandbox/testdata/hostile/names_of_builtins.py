# want: failed|error
# Functions that are called like those that tests use.
def isinstance(*_):
    return True


abs = len = int = str = sum = all = any = isinstance
AssertionError = SystemExit
__build_class__ = __import__ = exec = eval = compile = print = isinstance


def add(a, b):
    return None
