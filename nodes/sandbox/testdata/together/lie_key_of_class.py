# want: unsupported|error|failed
# has a class whose __eq__ has a name that is found only when it suits it
class Name(str):
    """Equal to the name that it stands for once it is looked up in earnest."""

    def __eq__(self, other):
        return serious[0] if type(other) is str and other == "__eq__" else str.__eq__(self, other)

    def __hash__(self):
        return hash("__eq__")


serious = [True]
Equal = type("Equal", (), {Name("__eq__"): lambda self, other: True, "__hash__": None})
serious[0] = False


def looked_up(self, other):
    return True


def add(a, b):
    return Equal()
