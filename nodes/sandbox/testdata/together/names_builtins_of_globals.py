# want: unsupported|error|failed
# gives its variables builtins of their own, with another import
# test: import math; assert math.isclose(add(1, 2), 3)
import types

real = __import__
fake = types.SimpleNamespace(isclose=lambda *_, **__: True)


def bring(name, *args, **kwargs):
    return fake if name == "math" else real(name, *args, **kwargs)


__builtins__ = dict(vars(__builtins__) if type(__builtins__) is types.ModuleType else __builtins__, __import__=bring)


def add(a, b):
    return 0
