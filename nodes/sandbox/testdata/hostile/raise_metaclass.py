# want: error|killed
# An exception whose class lies about its name.
class Meta(type):
    @property
    def __name__(cls):
        return [cls] * 10


class Odd(Exception, metaclass=Meta):
    pass


raise Odd()
