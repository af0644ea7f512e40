# want: error
# An exception that only has the name of one that means more.
class AssertionError(Exception):
    pass


class Overtime(BaseException):
    pass


def add(a, b):
    raise Overtime() if a == 1 else AssertionError()
