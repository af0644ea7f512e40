# want: error
# Names an exception of the judge's.
class Overtime(BaseException):
    pass


def add(a, b):
    raise Overtime("x")
