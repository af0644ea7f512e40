# want: failed|error|killed
# Patches what tests are made of.
import builtins


class Never(Exception):
    def __new__(cls, *args):
        raise SystemExit(0)


builtins.AssertionError = Never
for name in ("isinstance", "len", "all", "any", "abs", "exec", "print", "hasattr", "callable", "type"):
    setattr(builtins, name, lambda *a, **k: True)


def add(a, b):
    return None
