"""What the sandbox does with memory before a candidate shares its process with tests."""

import _ctypes
import ctypes
import gc

HEAD = object.__basicsize__ + 8  # bytes of a type before its name
BASIC_SIZE, FLAGS, NEW = HEAD + 8, HEAD + 144, HEAD + 288  # where a type has them
VERSION = object.__basicsize__ + 8  # where a dictionary counts its changes, up to Python 3.12


def disarm():
    """Keeps ctypes from making anything: its types stay, and a candidate finds them. Its
    functions are forgotten."""
    kinds = set(below(_ctypes._SimpleCData.__mro__[1]))
    kinds |= {type(kind) for kind in kinds} - {type}
    for kind in kinds:
        if word(kind, BASIC_SIZE).value != kind.__basicsize__ or word(kind, FLAGS).value != kind.__flags__:
            raise RuntimeError("types of this Python are made in another way")
    words = [word(kind, NEW) for kind in kinds]
    for new in words:
        new.value = 0
    vars(ctypes).clear()
    vars(_ctypes).clear()


def word(v, offset):
    """A word of memory of an object."""
    return ctypes.c_size_t.from_address(id(v) + offset)


def below(kind):
    """A class and all that are made of it."""
    yield kind
    for sub in type.__subclasses__(kind):
        yield from below(sub)


def counting():
    """A function that returns a counter of the changes of a dictionary, or of the names of a
    class."""
    at, identity, offset, contents, mapping = ctypes.c_uint64.from_address, id, VERSION, gc.get_referents, dict
    return lambda d: at(identity(d if type(d) is mapping else contents(d)[0]) + offset)
