# want: unsupported|error|failed
# calls a class of its own math, as tests that import none do
# test: assert math.isclose(add(1, 2), 3)
class math:
    @staticmethod
    def isclose(*_, **__):
        return True


def add(a, b):
    return 0
