# want: unsupported|error|failed
# matches every pattern
# test: exec("match add(1, 2):\n case 3: pass\n case _: raise AssertionError")
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return Equal()
