"""Values as they cross between a judge and a candidate.

Both sides write JSON. What is decoded has exactly a builtin type (or one of a few
types of the standard library), so no method of the sender's can run in the receiver.
What can't be copied (functions, iterators, objects of classes) crosses as the number
of an entry in the sender's table, and is used by asking the sender.

A value crosses only if the receiver's copy can't be told from the original by what
tests do with plain values. For all else there is Unfit, which ends the attempt to hold
the tests apart.
"""

import _socket
import builtins
import collections
import json
import os
import re
import sys
import types

FRAME_LIMIT = 4 << 20  # bytes of one message of a candidate's
ANY_SIZE = 1 << 30
HEADER = 4  # bytes of the length of a message
SMALL = 1 << 63
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # which JSON makes one character of
write_json, read_json = json.JSONEncoder().encode, json.JSONDecoder().decode


class Unfit(Exception):
    """A value that no copy can stand for."""


class Lost(Exception):
    """The other side is gone, or says what makes no sense."""


class Gone(Lost):
    """The other side has closed its end."""


def frame(data):
    return len(data).to_bytes(HEADER, "big") + data


class Channel:
    """Messages over a file descriptor, each a length and JSON."""

    def __init__(self, fd, sends=ANY_SIZE, receives=FRAME_LIMIT):
        self.fd, self.sends, self.receives = fd, sends, receives
        self.buffer = b""

    def send(self, message):
        self.send_bytes(write_json(message).encode())

    def send_bytes(self, data):
        data = frame(data)
        if len(data) > self.sends:
            raise OverflowError("a value of %d bytes is too large to cross" % len(data))
        try:
            while data:
                data = data[self.write(data):]
        except OSError as e:
            raise Gone(str(e))

    def write(self, data):
        return os.write(self.fd, data)

    def receive(self):
        size = int.from_bytes(self.take(HEADER), "big")
        if size > self.receives:
            raise Lost("a message of %d bytes was announced" % size)
        try:
            return read_json(self.take(size).decode())
        except (ValueError, RecursionError, MemoryError) as e:
            raise Lost("a message isn't JSON: %s" % e)

    def take(self, size):
        data = self.buffer
        if len(data) < size:
            chunks, have = [data], len(data)
            while have < size:
                chunks.append(self.chunk())
                have += len(chunks[-1])
            data = b"".join(chunks)
        self.buffer = data[size:]
        return data[:size]

    def chunk(self):
        try:
            chunk = os.read(self.fd, 65536)
        except OSError as e:
            raise Gone(str(e))
        if not chunk:
            raise Gone("the other side is gone")
        return chunk


FD = 4  # bytes of a descriptor's number


class Control:
    """Messages between the parts of a worker, with file descriptors. Each is one packet:
    what comes after it stays in the socket."""

    def __init__(self, sock):
        self.sock = sock

    def fileno(self):
        return self.sock.fileno()

    def send(self, message, fds=()):
        rights = b"".join(fd.to_bytes(FD, sys.byteorder) for fd in fds)
        try:
            self.sock.sendmsg([write_json(message).encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if fds else [])
        except OSError as e:
            raise Gone(str(e))

    def receive(self):
        return self.receive_with(0)[0]

    def receive_with(self, fds):
        """Returns a message and the descriptors that came with it."""
        try:
            data, more, _, _ = self.sock.recvmsg(1 << 16, _socket.CMSG_LEN(FD * fds) if fds else 0)
        except OSError as e:
            raise Gone(str(e))
        if not data:
            raise Gone("the other side is gone")
        return read_json(data.decode()), memoryview(more[0][2]).cast("i").tolist() if more else []


def each(walk):
    return lambda encode, v: [encode(x) for x in walk(v)]


def items(encode, v):
    return [[encode(k), encode(x)] for k, x in v.items()]


def with_factory(encode, v):
    """A defaultdict whose factory is a builtin type. Others run the sender's code."""
    factory = v.default_factory
    if factory is not None and (type(factory) is not type or getattr(builtins, factory.__name__, None) is not factory):
        raise Unfit("a defaultdict with a factory of the program")
    return [factory and factory.__name__, items(encode, v)]


def clock_time(v):
    return [v.hour, v.minute, v.second, v.microsecond, v.fold, zone(v.tzinfo)]


def zone(tz):
    """A fixed offset from UTC: its seconds and its name if it has one of its own."""
    if tz is None:
        return None
    if rare_kind(type(tz)) != "timezone":
        raise Unfit("a time zone that is no fixed offset")
    offset, *name = tz.__getinitargs__()
    return [offset.days, offset.seconds, offset.microseconds, *name]


# How values are written, by type: the tag, and what is below it. Containers that can be
# changed come first: where one is met twice in a value, a copy can't stand for it.
MUTABLE = {
    list: (None, each(list.__iter__)), dict: ("d", items), set: ("s", each(set.__iter__)),
    bytearray: ("B", lambda _, v: v.decode("latin-1")),
    collections.OrderedDict: ("od", items), collections.Counter: ("ct", items),
    collections.defaultdict: ("dd", with_factory),
    collections.deque: ("q", lambda encode, v: [v.maxlen, [encode(x) for x in v]]),
}
EXACT = {
    tuple: ("t", each(tuple.__iter__)), frozenset: ("f", each(frozenset.__iter__)),
    bytes: ("b", lambda _, v: v.decode("latin-1")),
    complex: ("c", lambda _, v: [v.real, v.imag]),
    range: ("r", each(lambda v: (v.start, v.stop, v.step))),
    type({}.keys()): ("dk", each(iter)), type({}.values()): ("dv", each(iter)),
    type({}.items()): ("di", each(iter)),
}
EXACT_RARE = {
    "Decimal": ("dec", lambda _, v: str(v)),
    "Fraction": ("fr", each(lambda v: (v.numerator, v.denominator))),
    "timedelta": ("td", lambda _, v: [v.days, v.seconds, v.microseconds]),
    "date": ("da", lambda _, v: [v.year, v.month, v.day]),
    "datetime": ("dt", lambda _, v: [v.year, v.month, v.day, *clock_time(v)]),
    "time": ("ti", lambda _, v: clock_time(v)),
    "timezone": ("tz", lambda _, v: zone(v)),
    "array": ("ar", lambda _, v: [v.typecode, v.tobytes().decode("latin-1")]),
}
BUILTIN = (str, int, float, complex, list, tuple, dict, set, frozenset, bytes, bytearray, collections.deque)


class Encoder:
    """Writes values. export is given what can't be copied and returns its number."""

    def __init__(self, export):
        self.export = export
        self.seen = set()  # containers of the value at hand

    def encode(self, v):
        return self.encode_all((v,))[0]

    def encode_all(self, several):
        """Writes values that are handed over together."""
        self.seen.clear()
        try:
            # A float by itself may be nan: nobody holds the original beside the copy.
            return [v if type(v) is float else self.part(v) for v in several]
        except RecursionError:
            raise Unfit("a value that is nested too deeply")

    def part(self, v):
        t = type(v)
        if t is str and not v.isascii() and PAIR.search(v):
            raise Unfit("a text with halves of characters")
        if v is None or t is str or t is bool:
            return v
        if t is float:
            if v != v:
                raise Unfit("a value that holds nan, which containers tell by identity")
            return v
        if t is int:
            return v if -SMALL <= v < SMALL else {"i": hex(v)}
        known = MUTABLE.get(t)
        if known:
            self.first_time(v)
        known = known or EXACT.get(t) or EXACT_RARE.get(rare_kind(t))
        if known:
            below = known[1](self.part, v)
            return {known[0]: below} if known[0] else below
        if t is types.ModuleType and v.__name__ in PUBLIC:
            return {"m": v.__name__}
        if (t is type or t is types.BuiltinFunctionType) and getattr(builtins, v.__name__, None) is v:
            return {"y": v.__name__}
        return self.export(v)

    def first_time(self, v):
        if id(v) in self.seen:
            raise Unfit("a value that holds the same container twice")
        self.seen.add(id(v))


def is_mutable(v):
    return type(v) in MUTABLE or rare_kind(type(v)) == "array"


def holds_mutable(v):
    """Whether a container holds others that can be changed."""
    t = type(v)
    if t in (str, bytes, bytearray) or rare_kind(t) == "array":
        return False
    inner = list(v.values()) + list(v) if isinstance(v, dict) else v if t in MUTABLE or t in (tuple, frozenset) else ()
    return any(is_mutable(x) or type(x) is tuple and holds_mutable(x) for x in inner)


def replace(old, new):
    """Gives a container the content of another of its type."""
    t = type(old)
    if t in (list, bytearray) or rare_kind(t) == "array":
        old[:] = new
    elif t is collections.deque:
        old.clear()
        old.extend(new)
    else:
        old.clear()
        old.update(new)


BASES = type.__dict__["__mro__"].__get__  # whatever a metaclass says
RARE_MODULES = {"decimal": ["Decimal"], "fractions": ["Fraction"], "array": ["array"],
                "datetime": ["date", "datetime", "timedelta", "time", "timezone"]}
RARE = {}  # types of those of these modules that have been imported, and their names


def rare_kind(t):
    """The name of a type of a module that few import, so that nobody else has to."""
    notice()
    return RARE.get(t)


def notice():
    """Learns the types of modules that have been imported. What a candidate puts in their
    place later, it can't pass off as them."""
    for name in list(RARE_MODULES):
        module = sys.modules.get(name)
        if module is not None and all(hasattr(module, kind) for kind in RARE_MODULES[name]):
            RARE.update((getattr(module, kind), kind) for kind in RARE_MODULES.pop(name))


def late(module, name, arguments=tuple):
    """What a module makes, which is imported when the first of these crosses."""
    return lambda _, x: getattr(sys.modules.get(module) or __import__(module), name)(*arguments(x))


def same_order(kind):
    """Makes sets that list their elements as the sender's does. Their order is that of
    a hash table, whose size depends on how it was filled."""
    def make(elements):
        for source in (elements, frozenset(elements), dict.fromkeys(elements)):
            made = kind(source)
            if list(made) == elements:
                return made
        if len(set(elements)) != len(elements):
            raise ValueError("a set with equal elements")
        raise Unfit("a set in an order that can't be made again")
    return make


def number(v):
    if type(v) is dict and len(v) == 1 and type(v.get("i")) is str:
        return int(v["i"], 16)
    if type(v) is not int:
        raise ValueError("%r isn't an integer" % (v,))
    return v


def many(make):
    return lambda d, x: make([d.decode(y) for y in x])


def pairs(make):
    return lambda d, x: make([(d.decode(k), d.decode(y)) for k, y in x])


TAGS = {  # how a decoder reads what is below each tag
    "i": lambda _, x: int(x, 16), "t": many(tuple), "d": pairs(dict), "s": many(same_order(set)), "f": many(same_order(frozenset)),
    "b": lambda _, x: x.encode("latin-1"), "B": lambda _, x: bytearray(x.encode("latin-1")),
    "c": lambda _, x: complex(float(x[0]), float(x[1])),
    "r": lambda _, x: range(*map(number, x)),
    "od": pairs(collections.OrderedDict), "ct": pairs(lambda x: collections.Counter(dict(x))),
    "dd": lambda d, x: collections.defaultdict(x[0] and kind(x[0]), TAGS["d"](d, x[1])),
    "q": lambda d, x: collections.deque([d.decode(y) for y in x[1]], x[0] if x[0] is None else number(x[0])),
    "dec": late("decimal", "Decimal", lambda x: [x]), "fr": late("fractions", "Fraction", lambda x: map(number, x)),
    "da": late("datetime", "date"), "td": late("datetime", "timedelta"),
    "dt": lambda _, x: moment("datetime", x), "ti": lambda _, x: moment("time", x), "tz": lambda _, x: fixed(x),
    "ar": lambda _, x: __import__("array").array(x[0], x[1].encode("latin-1")),
    "dk": many(lambda x: dict.fromkeys(x).keys()), "dv": many(lambda x: dict(enumerate(x)).values()),
    "di": many(lambda x: dict(x).items()),
    "m": lambda _, x: module(x), "y": lambda _, x: builtin(x), "h": lambda d, x: d.remote(x), "p": lambda d, x: d.mine(x),
}


def moment(name, x):
    *numbers, fold, tz = x
    return getattr(__import__("datetime"), name)(*map(number, numbers), tzinfo=tz and fixed(tz), fold=number(fold))


def fixed(x):
    """A fixed offset from UTC."""
    datetime = __import__("datetime")
    return datetime.timezone(datetime.timedelta(*map(number, x[:3])), *x[3:])


class Decoder:
    """Reads values. remote is given the description of what the sender keeps, and
    mine the number of what the receiver once exported."""

    def __init__(self, remote, mine):
        self.remote, self.mine = remote, mine

    def decode(self, v):
        t = type(v)
        if t is list:
            return [self.decode(x) for x in v]
        if t is not dict:
            return v if v == v else float("nan")  # each its own, as it was
        (tag, content), = v.items()
        return TAGS[tag](self, content)

    def read(self, v):
        """Decodes what a sender who isn't trusted wrote."""
        try:
            return self.decode(v)
        except RecursionError:
            raise Unfit("a value that is nested too deeply")
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
                ArithmeticError, MemoryError) as e:
            raise Lost("a value can't be read: %s" % type(e).__name__)


def module(name):
    """A module of the standard library is the receiver's own."""
    if type(name) is not str or name not in PUBLIC:
        raise ValueError("no module that is shared")
    return __import__(name)


def kind(name):
    """A builtin type."""
    v = builtin(name)
    if type(v) is not type:
        raise ValueError("no builtin type")
    return v


def builtin(name):
    """A type of the builtins, or a function that does no harm with whatever it is given."""
    v = getattr(builtins, name) if type(name) is str and not name.startswith("_") else None
    if type(v) is not type and name not in HARMLESS:
        raise ValueError("no builtin that is shared")
    return v


HARMLESS = set("""abs all any ascii bin callable chr divmod format hash hex id iter len max min next oct ord pow
repr round sorted sum""".split())
PUBLIC = set("""array bisect calendar cmath collections copy datetime decimal fractions functools heapq
itertools json math numbers operator random re statistics string struct textwrap typing unicodedata""".split())
PUBLIC &= getattr(sys, "stdlib_module_names", PUBLIC)
