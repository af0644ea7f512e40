# want: failed|error
# As long as anybody wants, and true.
class Long:
    def __len__(self):
        return 3

    def __bool__(self):
        return True

    def __iter__(self):
        while True:
            yield 3

    def __contains__(self, x):
        return True

    def __int__(self):
        return 3

    __index__ = __int__


def add(a, b):
    return Long()
