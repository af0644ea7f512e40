# want: unsupported|error|failed
# raises a group of exceptions that says to be of every class
class Error(BaseException):
    __class__ = property(lambda self: StopIteration)
    __traceback__ = property(lambda self: None)

    def __str__(self):
        raise SystemExit(0)


def add(a, b):
    raise Error
