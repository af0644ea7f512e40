"""Values as they cross between a judge and a candidate.

Both sides write JSON. What is decoded has exactly a builtin type (or one of a few
types of the standard library), so no method of the sender's can run in the receiver.
What can't be copied (functions, iterators, objects of classes) crosses as the number
of an entry in the sender's table, and is used by asking the sender.
"""

import _socket
import builtins
import collections
import json
import os
import sys
import types

FRAME_LIMIT = 4 << 20  # bytes of one message of a candidate's
ANY_SIZE = 1 << 30
HEADER = 4  # bytes of the length of a message
SMALL = 1 << 63
write_json, read_json = json.JSONEncoder().encode, json.JSONDecoder().decode


class Lost(Exception):
    """The other side is gone, or says what makes no sense."""


class Gone(Lost):
    """The other side has closed its end."""


def frame(message):
    data = write_json(message).encode()
    return len(data).to_bytes(HEADER, "big") + data


class Channel:
    """Messages over a file descriptor, each a length and JSON."""

    def __init__(self, fd, sends=ANY_SIZE, receives=FRAME_LIMIT):
        self.fd, self.sends, self.receives = fd, sends, receives
        self.buffer = b""

    def send(self, message):
        data = frame(message)
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
    return [[encode(k), encode(x)] for k, x in dict.items(v)]


# How values are written, by type: the tag, and what is below it. Subclasses of the builtin
# types cross as the builtin type that they extend.
EXACT = {
    tuple: ("t", each(tuple.__iter__)), dict: ("d", items),
    set: ("s", each(set.__iter__)), frozenset: ("f", each(frozenset.__iter__)),
    bytes: ("b", lambda _, v: v.decode("latin-1")),
    bytearray: ("B", lambda _, v: v.decode("latin-1")),
    complex: ("c", lambda _, v: [v.real, v.imag]),
    range: ("r", each(lambda v: (v.start, v.stop, v.step))),
    collections.OrderedDict: ("od", items), collections.Counter: ("ct", items),
    collections.defaultdict: ("dd", items),
    collections.deque: ("q", each(collections.deque.__iter__)),
    type({}.keys()): ("dk", each(iter)), type({}.values()): ("dv", each(iter)),
    type({}.items()): ("di", each(iter)),
}
EXACT_RARE = {
    "Decimal": ("dec", lambda _, v: str(v)),
    "Fraction": ("fr", each(lambda v: (v.numerator, v.denominator))),
    "timedelta": ("td", lambda _, v: [v.days, v.seconds, v.microseconds]),
}
EXTENDED = (
    (str, str.__str__), (int, int.__int__), (float, float.__float__),
    (list, lambda v: list(list.__iter__(v))), (tuple, lambda v: tuple(tuple.__iter__(v))),
    (dict, lambda v: dict(dict.items(v))), (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))))


class Encoder:
    """Writes values. export is given what can't be copied and returns its number."""

    def __init__(self, export):
        self.export = export

    def encode(self, v):
        t = type(v)
        if v is None or t is str or t is bool or t is float:
            return v
        if t is int:
            return v if -SMALL <= v < SMALL else {"i": hex(v)}
        if t is list:
            return [self.encode(x) for x in v]
        known = EXACT.get(t) or EXACT_RARE.get(rare_kind(t))
        if known:
            return {known[0]: known[1](self.encode, v)}
        kinds = set(map(RARE.get, BASES(t)))
        if "date" in kinds:
            return self.date(v, "datetime" in kinds)
        if t is types.ModuleType and v.__name__ in PUBLIC:
            return {"m": v.__name__}
        if (t is type or t is types.BuiltinFunctionType) and getattr(builtins, v.__name__, None) is v:
            return {"y": v.__name__}
        for base, convert in EXTENDED:
            if isinstance(v, base):
                return self.encode(convert(v))
        return self.export(v)

    def date(self, v, with_time):
        day = [v.year, v.month, v.day]
        if not with_time:
            return {"da": day}
        if v.tzinfo is not None:
            return self.export(v)
        return {"dt": day + [v.hour, v.minute, v.second, v.microsecond]}


BASES = type.__dict__["__mro__"].__get__  # whatever a metaclass says
RARE_MODULES = {"decimal": ["Decimal"], "fractions": ["Fraction"], "datetime": ["date", "datetime", "timedelta"]}
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
        return kind(elements)
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
    "dd": pairs(lambda x: collections.defaultdict(None, x)), "q": many(collections.deque),
    "dec": late("decimal", "Decimal", lambda x: [x]), "fr": late("fractions", "Fraction", lambda x: map(number, x)),
    "da": late("datetime", "date"), "dt": late("datetime", "datetime"), "td": late("datetime", "timedelta"),
    "dk": many(lambda x: dict.fromkeys(x).keys()), "dv": many(lambda x: dict(enumerate(x)).values()),
    "di": many(lambda x: dict(x).items()),
    "m": lambda _, x: module(x), "y": lambda _, x: builtin(x), "h": lambda d, x: d.remote(x), "p": lambda d, x: d.mine(x),
}


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
            return v
        (tag, content), = v.items()
        return TAGS[tag](self, content)

    def read(self, v):
        """Decodes what a sender who isn't trusted wrote."""
        try:
            return self.decode(v)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
                ArithmeticError, RecursionError, MemoryError) as e:
            raise Lost("a value can't be read: %s" % type(e).__name__)


def module(name):
    """A module of the standard library is the receiver's own."""
    if type(name) is not str or name not in PUBLIC:
        raise ValueError("no module that is shared")
    return __import__(name)


def builtin(name):
    """A type of the builtins, or a function that does no harm with whatever it is given."""
    v = getattr(builtins, name) if type(name) is str and not name.startswith("_") else None
    if type(v) is not type and name not in HARMLESS:
        raise ValueError("no builtin that is shared")
    return v


HARMLESS = set("""abs all any ascii bin callable chr divmod format hash hex id iter len max min next oct ord pow
repr round sorted sum""".split())
PUBLIC = set("""abc array bisect calendar cmath collections copy dataclasses datetime decimal enum
fractions functools heapq itertools json math numbers operator pprint queue random re statistics
string struct textwrap time typing types unicodedata""".split())
PUBLIC &= getattr(sys, "stdlib_module_names", PUBLIC)
