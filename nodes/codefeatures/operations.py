"""The operations of Python that terms are interpreted with: those that change nothing, on
values of Python's own types."""
import bisect
import collections
import functools
import heapq
import itertools
import math
import operator
import re

from bounds import CHANGEABLE, CONTAINERS, KINDS, MOST_BITS, MOST_ELEMENTS, Limit, Unknown, checked, held, sequence
from effects import CHANGING
from texts import WIDE_PERCENT, formatted, joined, plain_format, put_into, replaced, searched, shown, text

MOST_CHOSEN, MOST_MODULUS_BITS = 20, 256
CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "ascii_lowercase": "abcdefghijklmnopqrstuvwxyz",
             "ascii_uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "digits": "0123456789", "maxsize": 2**63 - 1,
             "ascii_letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "punctuation": r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""}
METHODS = frozenset("""count index find rfind rindex lower upper title capitalize swapcase casefold strip lstrip rstrip split rsplit
    splitlines replace startswith endswith isdigit isalpha isalnum isupper islower isspace isnumeric isdecimal isidentifier istitle
    partition rpartition removeprefix removesuffix get keys values items most_common issubset issuperset isdisjoint is_integer
    bit_length group groups start end span""".split())
CHANGES = CHANGING - {"sort", "reverse"}  # which have terms of their own
CHANGING_HEAPS = {f.__name__: f for f in (heapq.heappush, heapq.heappop, heapq.heapify, heapq.heapreplace, heapq.heappushpop,
                                          bisect.insort, bisect.insort_left, bisect.insort_right)}
MATCH = type(re.match("", ""))


# ---- numbers ----

def bits(value):
    return value.bit_length() if isinstance(value, int) else 64


def times(*values):
    product = values[0]
    for v in values[1:]:
        for a, b in ((product, v), (v, product)):
            if isinstance(a, CONTAINERS) and isinstance(b, int) and len(a) * b > MOST_ELEMENTS:
                raise Limit
        product = checked(product * v)
    return product


def power(a, b, *modulus):
    if modulus and max(map(bits, (a, b, *modulus))) > MOST_MODULUS_BITS:
        raise Limit
    if not modulus and isinstance(b, int) and bits(a) * abs(b) > MOST_BITS and not isinstance(a, float):
        raise Limit
    return pow(a, b, *modulus)


def shifted(a, b):
    if isinstance(b, int) and b > MOST_BITS:
        raise Limit
    return a << b


def remainder(a, b):
    if isinstance(a, str):
        plain_format(a, WIDE_PERCENT)
        text(b)
        b = dict(b) if isinstance(b, dict) else b
    return a % b


def plus(a, b):
    """a + b, and a list with what any sequence adds to it: a += b and a.extend(b)."""
    if isinstance(a, (list, collections.deque)) and type(a) is not type(b):
        b = type(a)(sequence(b))
    return a + b


def rounded(value, *digits):
    if any(isinstance(d, int) and abs(d) > MOST_CHOSEN for d in digits):
        raise Limit
    return round(value, *digits)


def member(value, among):
    return value in (sequence(among) if isinstance(among, range) and not isinstance(value, int) else among)


def folded(operation):
    return lambda *values: functools.reduce(operation, values)


def small(function, most):
    """A function that grows too fast with the numbers that it is given."""
    def held_to(*args, **named):
        if any(isinstance(n, int) and n > most for n in (*args, *named.values())):
            raise Limit
        return function(*args, **named)
    return held_to


# ---- sequences ----

def item(of, index):
    if isinstance(of, collections.defaultdict) and index not in of:
        return of.default_factory()
    return of[index]


def appended(to, value):
    if isinstance(to, tuple):
        return to + (value,)
    if isinstance(to, collections.deque):
        return changed_copy("append", to, [value])
    if not isinstance(to, list):
        raise TypeError("append")
    return to + [value]


def added(to, value):
    if not isinstance(to, set):
        raise TypeError("add")
    return to | {value}


def stored(of, key, value):
    new = copied(of)
    new[key] = sequence(value) if isinstance(key, slice) else value
    return new


def deleted(of, key):
    new = copied(of)
    del new[key]
    return new


def copied(value):
    if not isinstance(value, CHANGEABLE):
        raise TypeError("not changed")
    return value.copy()


def counted(of, value, *bounds):
    return (of if isinstance(of, (str, tuple)) else sequence(of)).count(value, *bounds)


def changed_copy(change, old, args, named=None):
    """A copy of a value that a method or a function has changed."""
    new = copied(old)
    changed(change, new, args, named or {})
    return new


def changed(change, value, args, named):
    """Changes a value, and returns what that gives."""
    if change in CHANGING_HEAPS:
        return CHANGING_HEAPS[change](value, *args, **named)
    if change not in CHANGES or change == "pop" and isinstance(value, set):
        raise Unknown(change)
    if change.endswith("update") or change.startswith("extend"):
        args = [sequence(a) if isinstance(a, (set, frozenset)) else a for a in args]
    return getattr(value, change)(*args, **named)


def of_copy(function):
    return lambda of, *args: function(copied(of), *args)


def dictionary(*pairs):
    return dict(zip(pairs[::2], pairs[1::2]))


def over(function, at=0):
    """A function whose arguments from a place on are sequences."""
    return lambda *args, **named: held_or_value(function(*args[:at], *map(sequence, args[at:]), **named))


def of_first(function):
    """A function of a sequence and of others."""
    return lambda of, *args, **named: held_or_value(function(sequence(of), *args, **named))


def held_or_value(value):
    return held(value) if isinstance(value, collections.abc.Iterator) else value


def extreme(function):
    return lambda *args, **named: function(*([sequence(args[0])] if len(args) == 1 else args), **named)


def total(values, start=0):
    values = sequence(values)
    if any(isinstance(v, (str, list, tuple)) for v in values):
        return functools.reduce(lambda a, b: checked(a + b), values, start)
    return functools.reduce(operator.add, values, start)  # sum() itself rounds in other ways from Python 3.12


def product(values, start=1):
    return functools.reduce(times, sequence(values), start)


def kept(function, values):
    return [v for v in sequence(values) if (bool if function is None else function)(v)]


def mapped(function, *values):
    return [function(*v) for v in zip(*map(sequence, values))]


def reduced(function, values, *first):
    return functools.reduce(function, sequence(values), *first)


def grouped(values, key=None):
    return [(k, list(g)) for k, g in itertools.groupby(sequence(values), key)]


def made(kind, empty):
    """A type's constructor from a sequence."""
    return lambda *values: kind(sequence(*values)) if values else empty()


def dict_of(*args, **named):
    if not args:
        return dict(**named)
    return dict(args[0] if isinstance(args[0], dict) else sequence(args[0]), **named)


def kind_of(value):
    """A type, as the function of that name."""
    if type(value) not in TYPES.values():
        raise Unknown("type")
    return FUNCTIONS[type(value).__name__]


def is_instance(value, kinds):
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if any(k not in KINDS for k in kinds):
        raise Unknown("isinstance")
    return isinstance(value, tuple(KINDS[k] for k in kinds))


def default_of(factory=None):
    return collections.defaultdict(factory and (lambda: factory()))


def getter(*keys):
    return lambda of: item(of, keys[0]) if len(keys) == 1 else tuple(item(of, k) for k in keys)


def wide(function):
    """A text with as many letters as are allowed."""
    return small(function, MOST_ELEMENTS)


def few(function):
    """A choice of a few elements each."""
    return small(function, MOST_CHOSEN)


def counter(*values):
    return collections.Counter(*(v if isinstance(v, dict) else sequence(v) for v in values))


OPERATORS = {
    "+": plus, "-": operator.sub, "*": times, "/": operator.truediv, "//": operator.floordiv, "%": remainder, "**": power,
    "&": folded(operator.and_), "|": folded(operator.or_), "^": folded(operator.xor), "<<": shifted, ">>": operator.rshift, "~": operator.invert,
    "==": operator.eq, "<": operator.lt, "<=": operator.le, "in": member, "not in": lambda a, b: not member(a, b),
    "not": operator.not_, "item": item, "slice": slice, "List": lambda *v: list(v), "Tuple": lambda *v: tuple(v), "Set": lambda *v: set(v),
    "Dict": dictionary, "append": appended, "add": added, "store": stored, "delete": deleted, "yielded": list,
    "JoinedStr": lambda *v: "".join(map(text, v)), "formatted -1": formatted, "print()": lambda *args, **named: None,
    ".join": joined, ".center": wide(str.center), ".ljust": wide(str.ljust), ".rjust": wide(str.rjust), ".zfill": wide(str.zfill),
}
FUNCTIONS = {
    "len": len, "sum": total, "max": extreme(max), "min": extreme(min), "abs": abs, "round": rounded, "divmod": divmod, "pow": power,
    "int": int, "float": float, "str": text, "bool": bool, "ord": ord, "chr": chr, "bin": bin, "hex": hex, "oct": oct, "repr": shown,
    "list": made(list, list), "tuple": made(tuple, tuple), "set": made(set, set), "frozenset": made(frozenset, frozenset), "dict": dict_of,
    "sorted": of_first(sorted), "reversed": over(reversed), "enumerate": of_first(enumerate), "zip": over(zip), "iter": sequence,
    "map": mapped, "filter": kept, "any": of_first(any), "all": of_first(all), "range": range, "isinstance": is_instance, "type": kind_of,
    "sqrt": math.sqrt, "floor": math.floor, "ceil": math.ceil, "trunc": math.trunc, "fabs": math.fabs, "log": math.log, "log2": math.log2,
    "log10": math.log10, "exp": math.exp, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "atan2": math.atan2, "radians": math.radians, "degrees": math.degrees, "hypot": math.hypot, "gcd": math.gcd,
    "isqrt": math.isqrt, "isclose": math.isclose, "isnan": math.isnan, "isinf": math.isinf, "fmod": math.fmod,
    "factorial": small(math.factorial, 300), "comb": small(math.comb, 500), "perm": small(math.perm, 300), "prod": product,
    "Counter": counter, "defaultdict": default_of, "OrderedDict": dict_of, "deque": made(collections.deque, collections.deque), "reduce": reduced,
    "combinations": few(of_first(itertools.combinations)), "permutations": few(of_first(itertools.permutations)), "product": few(over(itertools.product)),
    "combinations_with_replacement": few(of_first(itertools.combinations_with_replacement)), "chain": over(itertools.chain),
    "accumulate": of_first(itertools.accumulate), "zip_longest": over(itertools.zip_longest), "groupby": grouped, "from_iterable": lambda v: [x for s in sequence(v) for x in sequence(s)],
    "nlargest": over(heapq.nlargest, 1), "nsmallest": over(heapq.nsmallest, 1), "heappop": of_copy(heapq.heappop), "heappushpop": of_copy(heapq.heappushpop),
    "heapreplace": of_copy(heapq.heapreplace), "bisect": bisect.bisect, "bisect_left": bisect.bisect_left, "bisect_right": bisect.bisect_right,
    "heappush": lambda *args: None, "heapify": lambda *args: None, "mul": times, "itemgetter": getter, "math.pow": math.pow,
    "sub": searched(re.sub), "search": searched(re.search), "match": searched(re.match), "fullmatch": searched(re.fullmatch),
    "findall": searched(re.findall), "split": searched(re.split),
}


TYPES = {t.__name__: t for t in (int, float, str, bool, list, tuple, set, frozenset, dict, *CHANGEABLE, collections.Counter, collections.defaultdict)}
KINDS.update({FUNCTIONS[name]: t for name, t in TYPES.items()})


def argument_of(name):
    """A function or a constant of Python's as a value."""
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name not in FUNCTIONS:
        raise Unknown(name)
    return FUNCTIONS[name]


def method_of(name, of):
    """A method of one of Python's types that changes nothing, or what it gives if it does."""
    if not isinstance(of, (int, float, str, list, tuple, dict, set, frozenset, range, collections.deque, MATCH)):
        raise Unknown(name) if callable(of) else AttributeError(name)
    if not hasattr(of, name):
        raise AttributeError(name)
    if name in CHANGES:
        return lambda of, *args, **named: changed(name, copied(of), args, named)
    if name == "format":
        return put_into
    if name == "replace":
        return replaced
    if name not in METHODS:
        raise Unknown(name)
    return lambda of, *args, **named: held_or_value(getattr(of, name)(*args, **named))


def attribute_of(name, of):
    """A method that changes nothing as a function: d.get, str.lower."""
    if name not in METHODS:
        raise Unknown(name)
    if isinstance(of, collections.abc.Hashable) and of in KINDS:
        return lambda value, *args: method_of(name, value)(value, *args)
    return lambda *args: method_of(name, of)(of, *args)
