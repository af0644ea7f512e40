# want: passed|failed|error
# correct: adds, with odd names beside
# Names that are a kind of text that says what it likes.
class Name(str):
    def startswith(self, prefix):
        return False

    def __hash__(self):
        return hash("add")

    def __eq__(self, other):
        return True


globals()[Name("__builtins__")] = {}


def add(a, b):
    return a + b
