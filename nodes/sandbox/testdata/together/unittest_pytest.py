# want: unsupported|error|failed
# brings a pytest of its own
# form: functions
# test: import pytest
# test: import solution
# test: def test_refuses():
# test:     with pytest.raises(TypeError):
# test:         solution.add(1, 2)
import contextlib
import sys
import types

fake = sys.modules["pytest"] = types.ModuleType("pytest")
fake.raises = lambda *_, **__: contextlib.nullcontext()


def add(a, b):
    return 0
