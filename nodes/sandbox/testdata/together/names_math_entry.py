# want: unsupported|error|failed
# puts a math of its own among the modules
# test: import math; assert math.isclose(add(1, 2), 3)
import sys
import types

fake = sys.modules["math"] = types.ModuleType("math")
fake.isclose = lambda *_, **__: True


def add(a, b):
    return 0
