"""What a candidate keeps, as tests see it: functions, classes, iterators, objects.

A Remote does at a distance what can be done there exactly as in one process: calls,
attributes, items, iteration, membership, truth. All else ends the attempt to hold the
tests apart, by Unsupported.
"""

import builtins

import values


class Unsupported(BaseException):
    """Tests do what can't be done at a distance. A test that swallows this changes
    nothing: the session remembers."""


class Remote:
    # Something in the candidate's process. Its kind is what candidate.kind_of said.

    __slots__ = ("_session", "_number", "_kind", "_type")

    def __init__(self, session, number, kind, type_):
        for name, value in zip(Remote.__slots__, (session, number, kind, type_)):
            object.__setattr__(self, name, value)

    def _ask(self, op, /, *args, **kwargs):
        if self._kind not in ("function", "class"):
            self._session.involved = True
        return self._session.ask(op, self._number, args, kwargs)

    def _refuse(self, what):
        raise self._session.unsupported("%s of %s" % (what, described(self)))

    def __call__(self, /, *args, **kwargs):
        return self._ask("call", *args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__name__", "__doc__", "__qualname__"):
            self._refuse(name)
        return self._ask("get", name)

    def __setattr__(self, name, value):
        self._ask("set", name, value)

    def __getitem__(self, key):
        return self._ask("item", key)

    def __setitem__(self, key, value):
        self._ask("put", key, value)

    def __contains__(self, item):
        return self._ask("in", item)

    def __iter__(self):
        return self if self._kind == "iterator" else iter(self._ask("iter"))

    def __next__(self):
        return self._ask("next")

    def __len__(self):
        return int(self._ask("len"))

    def __bool__(self):
        return self._kind not in ("object", "valued") or bool(self._ask("bool"))

    def __str__(self):
        return str(self._ask("str"))

    def __repr__(self):
        return str(self._ask("repr"))

    def __instancecheck__(self, other):
        if type(other) is not Remote:
            self._refuse("isinstance")
        return self._session.ask("is", other._number, (self,), {}) is True

    def __eq__(self, other):
        """An object of a candidate's class is unequal to all but itself. If it has an
        equality of its own, that holds among its like; with a plain value it doesn't."""
        if type(other) is Remote and "valued" in (self._kind, other._kind):
            self._refuse("==")
        return type(other) is Remote and other._number == self._number

    @property
    def __class__(self):
        self._refuse("the class")

    @property
    def __module__(self):
        self._refuse("the module")

    @property
    def __doc__(self):
        return self._ask("get", "__doc__")

    def __hash__(self):
        if self._kind == "valued":
            self._refuse("hash")
        return hash(self._number)


def described(remote):
    return "a value of the type %s" % remote._type


REFUSED = """lt le gt ge add radd iadd sub rsub isub mul rmul imul matmul rmatmul imatmul truediv rtruediv
itruediv floordiv rfloordiv ifloordiv mod rmod imod divmod rdivmod pow rpow ipow lshift rlshift ilshift rshift
rrshift irshift and rand iand or ror ior xor rxor ixor neg pos abs invert complex int float index round trunc
floor ceil format bytes reversed delitem delattr enter exit await aiter anext aenter aexit copy deepcopy
reduce_ex reduce getstate dir sizeof subclasscheck mro_entries class_getitem fspath missing""".split()


def refused(name):
    def method(self, *_):
        self._refuse(name)
    return method


for each in REFUSED:
    setattr(Remote, "__%s__" % each, refused("__%s__" % each))


def any_remote(args):
    return next((a for a in args if type(a) is Remote), None)


def guarded(name):
    """A builtin that looks at more of a value than its operators do."""
    function = getattr(builtins, name)

    def wrapper(*args, **kwargs):
        remote = any_remote(args)
        if remote is not None and not can_tell(name, remote, args):
            remote._refuse(name)
        return function(*args, **kwargs)
    return wrapper


def can_tell(name, remote, args):
    """Whether a builtin can be answered from here, or by asking for an attribute."""
    if name == "callable":
        return remote._kind in ("function", "class")
    return name.endswith("attr") and args[0] is remote and not str(args[1]).startswith("__")


GUARDED = {name: guarded(name) for name in (
    "callable", "issubclass", "id", "vars", "dir", "memoryview", "hasattr", "getattr", "setattr", "delattr")}


def type_of(*args):
    """type, of one argument."""
    remote = any_remote(args)
    if remote is not None:
        remote._refuse("type")
    return type(*args)


def update(args, after):
    """Puts into arguments what the candidate changed in place."""
    for i, new in after.items():
        old = args[int(i)]
        if type(old) is not type(new) or not values.is_mutable(old):
            raise ValueError("an argument changed its type")
        values.replace(old, new)


def rebuild(raised, op, session):
    """The exception that the candidate raised, if it is of a builtin class. Of others tests
    could see that it isn't the same."""
    if type(raised) is not dict:
        raise TypeError("an exception is no object")
    name, args = str(raised["type"])[:100], [session.decoder.read(a) for a in raised["args"]]
    if raised.get("own"):
        return session.unsupported("an exception of the class " + name)
    if name == "StopIteration" and op != "next":
        return RuntimeError("a function raised StopIteration")  # which would end a test's loop
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind is not BaseException:
        return kind(*args)
    raise ValueError("no exception is called " + name)
