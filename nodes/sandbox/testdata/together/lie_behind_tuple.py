# want: unsupported|error|failed
# has its arithmetic behind a class of the language that has some, too
# test: assert 3 - add(1, 2) == 0
class Other:
    def __rsub__(self, other):
        return 0


class Number(tuple, Other):
    pass


def add(a, b):
    return Number()
