"""Values of Python's own types as terms are interpreted with them: held to sizes, gone over in
an order that is the same every time, and told as texts."""
import collections

MOST_ELEMENTS, MOST_BITS = 2000, 4000
CHANGEABLE = (list, dict, set, collections.deque)
CONTAINERS = (str, tuple, frozenset) + CHANGEABLE
VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
UNDEFINED = object()  # the value of a variable that has none yet
KINDS = {}  # types, by the functions that stand for them


class Unknown(Exception):
    """An operation that isn't interpreted."""


class Limit(Exception):
    """More than is computed."""


def size(value):
    """How much is in a value, all that is in that counted; no more than is allowed."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise Limit
    seen = 0
    for v in parts(value):
        seen += len(v) if isinstance(v, CONTAINERS) else 0
        if seen > MOST_ELEMENTS:
            raise Limit
    return seen


def parts(value):
    """The value and all that is in it."""
    stack = [value]
    while stack:
        v = stack.pop()
        yield v
        if isinstance(v, CONTAINERS) and not isinstance(v, str):
            stack += [*v, *v.values()] if isinstance(v, dict) else v


def checked(value):
    """The value, if it isn't too large."""
    size(value)
    return value


def sequence(value):
    """What a loop over a value goes over, in an order that is the same every time."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=lambda v: (str(type(v)), v) if isinstance(v, (int, str)) else (str(type(v)), told(v)))
    if isinstance(value, range):
        return held(value)
    if isinstance(value, (str, list, tuple, dict, collections.deque)) or type(value) in VIEWS:
        return list(value)
    raise TypeError("not iterable")


def held(values):
    """The list of what an iterator gives, if that isn't too much."""
    found, seen = [], 0
    for v in values:
        seen += 1 + (len(v) if isinstance(v, CONTAINERS) else 0)
        if seen > MOST_ELEMENTS:
            raise Limit
        found.append(v)
    return found


def constant(value):
    """A constant of the program, if it is of a kind and a size that is computed with."""
    if isinstance(value, bytes):
        raise Unknown("bytes")
    return checked(value)


def defined(value):
    if value is UNDEFINED:
        raise NameError("undefined")
    return value


def told(value):
    """A text that is the same for what == finds equal, and nothing else."""
    if isinstance(value, float) and not value.is_integer():
        return "%.9g" % value
    if isinstance(value, (bool, int, float)):
        return str(int(value))
    if isinstance(value, (set, frozenset)):
        return "set(%s)" % " ".join(sorted(map(told, value)))
    if isinstance(value, dict):
        return "{%s}" % " ".join(sorted(told(k) + ":" + told(v) for k, v in value.items()))
    if isinstance(value, (list, tuple, collections.deque)):
        return "%s(%s)" % ("" if isinstance(value, tuple) else type(value).__name__, " ".join(map(told, value)))
    if type(value) in VIEWS:
        return "%s(%s)" % (type(value).__name__, " ".join(map(told, value)))
    if value is None or isinstance(value, (str, bytes, complex, range)):
        return repr(value)
    if isinstance(value, collections.abc.Hashable) and value in KINDS:
        return "type " + KINDS[value].__name__
    raise Unknown(type(defined(value)).__name__)
