# want: failed|error
# A module that has every name.
import sys


def __getattr__(name):
    return lambda *a, **k: True


__builtins__ = {"abs": __getattr__}
__all__ = ["abs", "len"]
sys.modules["solution"] = sys.modules[__name__]


def add(a, b):
    return None
