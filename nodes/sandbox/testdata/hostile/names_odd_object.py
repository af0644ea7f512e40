# want: passed
# correct: adds, with an odd object beside
# A global that raises whatever it is asked.
class Odd:
    def __getattribute__(self, name):
        raise KeyError(name)


odd = Odd()


def add(a, b):
    return a + b
