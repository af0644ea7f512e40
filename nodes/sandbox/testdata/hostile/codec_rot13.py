# want: passed
# correct: adds, and says so in another code
# Uses a part of a package that was loaded before it was confined.
import codecs
import encodings.punycode

assert codecs.encode("nqq", "rot13") == "add"


def add(a, b):
    return a + b
