# want: unsupported|error|failed
# has differences that are written as nothing
# test: assert f"{add(1, 2) - 3}" == "0"
# test: assert "%s" % (add(1, 2) - 3) == "0"
class Number:
    def __sub__(self, other):
        return self

    def __format__(self, spec):
        return "0"

    def __str__(self):
        return "0"


def add(a, b):
    return Number()
