# want: unsupported|error|failed
# has a class that says to be int, by a metaclass and by itself
class Meta(type):
    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return hash(int)

    def __instancecheck__(cls, v):
        return True

    @property
    def __mro__(cls):
        return int, object

    def mro(cls):
        return [cls, object]


class Number(metaclass=Meta):
    __class__ = property(lambda self: int)

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 3


def add(a, b):
    return Number()
