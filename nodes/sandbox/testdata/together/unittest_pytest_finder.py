# want: unsupported|error|failed
# has the machinery of imports find a pytest of its own
# form: functions
# test: import pytest
# test: import solution
# test: def test_refuses():
# test:     with pytest.raises(TypeError):
# test:         solution.add(1, 2)
import contextlib
import importlib.abc
import importlib.machinery
import sys


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "pytest" else None

    def exec_module(self, module):
        module.raises = lambda *_, **__: contextlib.nullcontext()


sys.meta_path.insert(0, Finder())


def add(a, b):
    return 0
