# want: passed|failed|error
# correct: adds, with odd names beside
# Its names change while they are listed.
class Odd:
    @property
    def __class__(self):
        globals()["more%d" % len(globals())] = Odd()
        return Odd


odd = Odd()


def add(a, b):
    return a + b
