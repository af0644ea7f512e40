# want: unsupported|error|failed
# gets its equality after the sandbox has looked for one
# test: assert add(1, 2) != 4
# test: equal_from_now_on(); assert add(1, 2) == 3
class Number:
    pass


def add(a, b):
    return Number()


def equal_from_now_on():
    Number.__eq__ = lambda self, other: True
