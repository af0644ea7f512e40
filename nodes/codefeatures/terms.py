"""Terms: how a value comes from others, in a form that is equal where Python says the same
in different words. They say what is computed, not that it is: evaluation order, exceptions,
identity and aliases are left out.

A term is closed once the symbols that a loop or a function binds have got their names: that
of the n-th from the inside is the same in every program, whatever surrounds it."""
import hashlib

MOST_TERMS, MOST_MADE, MOST_OPERANDS = 6000, 100000, 200
LONGEST_CONSTANT, MOST_BITS = 60, 190

NEGATED = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}
NUMERIC = frozenset("// ** - / len() sum() abs() int() ord() round() pow() sqrt() float() .count factorial() gcd()".split())
WHOLE = frozenset("// len() ord() .count".split())  # as far as integers are compared
TEXTS = ("List", "Tuple", "JoinedStr", "str()", ".join", "chr()")
TURNED = frozenset(("not", "!=", "not in", "<=", "or"))  # conditions that a choice turns round
BOOLEANS = frozenset(("==", "!=", "<", "<=", "in", "not in", "not", "and", "or", "any()", "all()"))
BINDERS = frozenset(("fold", "while", "loop", "loop while", "lambda"))
MADE = frozenset(("List", "Tuple", "Dict", "Set", "append", "store", "add"))  # lists and the like
READERS = frozenset("list() tuple() sorted() set() sum() max() min() any() all() dict() frozenset() Counter() len()".split())  # a list or what it is made of


def digest(op, keys):
    return hashlib.md5("\x00".join([op] + keys).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def in_order(terms):
    """Terms that may change places, in an order that doesn't depend on the names of symbols."""
    return sorted(terms, key=lambda t: (t.blind, t.key))


class NoValue(Exception):
    """What isn't followed was met, or more than is looked at."""


class Term:
    """An operation on terms. A function that is called ends with (), a method begins with a dot.

    What is multiplied is taken for a number, as long as no text or list is seen among it."""

    __slots__ = ("op", "args", "key", "blind", "height", "text", "numeric", "whole")

    def __init__(self, op, args, key):
        self.op, self.args, self.key = op, args, key
        self.blind = digest("symbol" if op.startswith("symbol ") else op, [a.blind for a in args])  # the key without names of symbols
        self.height = max((a.height for a in args), default=0) + (op in BINDERS)  # how deep loops and functions lie within
        # Whether it is seen to be a text or a list, a number, or a whole one.
        self.text = op.startswith("str ") or op in TEXTS or op in ("+", "*") and any(a.text for a in args)
        self.numeric = op in NUMERIC or op.startswith(("int ", "float ")) or op == "+" and any(a.numeric for a in args) or (
            op == "*" and not self.text or op == "%" and not args[0].text)
        self.whole = op in WHOLE or op.startswith("int ") or op == "+" and all(a.whole for a in args) or op == "%" and args[1].number() is not None

    def number(self):
        """The value of an integer constant, or None."""
        return int(self.op[4:]) if self.op.startswith("int ") and self.op[4:].lstrip("-").isdigit() else None

    def apart(self):
        """The term without a constant that is added, and that."""
        x = self.args[1].number() if self.op == "+" and len(self.args) == 2 else None
        return (self, 0) if x is None else (self.args[0], x)

    def has(self, part, seen=None):
        seen = set() if seen is None else seen
        if self is part:
            return True
        if self in seen:
            return False
        seen.add(self)
        return any(a.has(part, seen) for a in self.args)

    def parts(self):
        """The term and all that it is made of, each once."""
        seen, stack = {self: True}, [self]
        while stack:
            for a in stack.pop().args:
                if a not in seen:
                    seen[a] = True
                    stack.append(a)
        return list(seen)


class Terms:
    """Makes the terms of one program; equal ones are the same object."""

    def __init__(self):
        self.known, self.constants, self.symbols, self.made = {}, {}, 0, 0
        self.none, self.true, self.false = (self.constant(v) for v in (None, True, False))
        self.list, self.nothing = self.plain("List"), self.plain("undefined")
        self.negated = {}
        one, two, many = (1,), (2,), range(1, MOST_TERMS)
        self.rules = {
            "==": (two, self.equals), "!=": (two, self.equals), "<": (two, self.less), "<=": (two, self.less),
            "and": (many, self.logic), "or": (many, self.logic), "not": (one, lambda op, c: self.negate(c)),
            "if": ((3,), lambda op, *args: self.choose(*args)), "item": (two, lambda op, *args: self.item(*args)),
            "in": (two, self.member), "not in": (two, self.member),
            "+": (two, self.add), "-": (two, self.subtract), "*": (many, self.multiply), "**": (two, self.power),
            "&": (many, self.commuting), "|": (many, self.commuting), "^": (many, self.commuting),
            "max()": (range(2, MOST_TERMS), self.commuting), "min()": (range(2, MOST_TERMS), self.commuting),
            "pow()": (two, self.power), "bool()": (one, lambda op, c: self.boolean(c)),
            "range()": ((1, 2, 3), self.range), "map()": (two, self.mapped), "filter()": (two, self.mapped),
            "sum()": (one, self.refolded), "set()": (one, self.refolded), "any()": (one, self.refolded), "len()": (one, self.refolded),
            "all()": (one, self.all), "list()": (range(2), self.listed),
            "dict()": ((0,), lambda op: self.plain("Dict")), "tuple()": ((0,), lambda op: self.plain("Tuple")), ".join": (two, self.joined),
        }

        self.readers = {  # as loops: with what they begin, and a step
            "list()": (self.list, lambda acc, x: self.plain("append", acc, x)),
            "sum()": (self.constant(0), lambda acc, x: self.add("+", acc, x)),
            "set()": (self.plain("set()"), lambda acc, x: self.plain("add", acc, x)),
            "any()": (self.false, lambda acc, x: self.logic("or", acc, x)),
            "len()": (self.constant(0), lambda acc, x: self.add("+", acc, self.constant(1))),
        }

    def plain(self, op, *args):
        """The term as it is said."""
        self.made += 1
        if self.made > MOST_MADE or len(args) > MOST_OPERANDS:
            raise NoValue
        key = digest(op, [a.key for a in args])
        term = self.known.get(key)
        if term is None:
            if len(self.known) >= MOST_TERMS:
                raise NoValue
            term = self.known[key] = Term(op, args, key)
        return term

    def make(self, op, *args):
        """The term in its normal form."""
        if len(args) == 1 and args[0].op == "list()" and op in READERS:
            args = args[0].args
        arities, rule = self.rules.get(op, ((), None))
        return rule(op, *args) if len(args) in arities else self.plain(op, *args)

    def constant(self, value):
        long = isinstance(value, int) and value.bit_length() > MOST_BITS
        said = "long" if long else repr(value)
        term = self.plain("%s %s" % (type(value).__name__, said if len(said) <= LONGEST_CONSTANT else digest(said, [])))
        if not long:
            self.constants[term] = value
        return term

    def text(self, term, otherwise=None):
        """The text that a term is a constant of."""
        value = self.constants.get(term)
        return value if isinstance(value, str) else otherwise

    def symbol(self):
        """A name that nothing has, until the term that binds it is closed."""
        self.symbols += 1
        return self.plain("symbol %d" % self.symbols)

    def replace(self, term, by, seen=None):
        """The term with others in the place of its parts."""
        seen = {} if seen is None else seen
        if term in by:
            return by[term]
        if not term.args:
            return term
        if term not in seen:
            args = [self.replace(a, by, seen) for a in term.args]
            same = all(a is b for a, b in zip(args, term.args))
            seen[term] = term if same else self.make(term.op, *args)
        return seen[term]

    def close(self, op, bound, args):
        """The term that binds symbols: a dictionary of their names."""
        height = 1 + max(a.height for a in args)
        names = {symbol: self.plain("%s%d" % (name, height)) for symbol, name in bound.items()}
        seen = {}
        return self.plain(op, *(self.replace(a, names, seen) for a in args), self.plain("bound %d" % height))

    def bound(self, term, name):
        """What a name of a symbol that a term binds is in it."""
        return self.plain(name + term.args[-1].op[len("bound "):])

    # ---- arithmetic ----

    def commuting(self, op, *args):
        flat = [b for a in args for b in (a.args if a.op == op and len(a.args) > 1 else (a,))]
        if any(a.op == "star" or a.op.startswith("named ") for a in flat):
            return self.plain(op, *args)
        return self.plain(op, *in_order(flat))

    def add(self, op, a, b):
        x, y = a.number(), b.number()
        if x is not None and y is not None:
            return self.constant(x + y)
        if x is not None:
            a, b, x, y = b, a, y, x
        if y is not None:
            a, inner = a.apart()
            return a if inner + y == 0 else self.plain("+", a, self.constant(inner + y))
        (a, x), (b, y) = a.apart(), b.apart()
        if x or y:
            return self.add("+", self.add("+", a, b), self.constant(x + y))
        return self.plain("+", *in_order((a, b)) if a.numeric or b.numeric else (a, b))

    def subtract(self, op, a, b):
        y = b.number()
        return self.plain("-", a, b) if y is None else self.add("+", a, self.constant(-y))

    def multiply(self, op, *args):
        numbers = [a.number() for a in args]
        if None not in numbers and len(args) == 2 and max(map(abs, numbers)) < 1 << 32:
            return self.constant(numbers[0] * numbers[1])
        if len(args) == 2 and 1 in numbers:
            return args[1 - numbers.index(1)]
        lists = [a for a in args if a.op == "List" and len(a.args) == 1]
        if lists and len(args) == 2:
            return self.repeated(lists[0].args[0], args[1 - args.index(lists[0])])
        return self.commuting("*", *args)

    def repeated(self, value, times):
        """A list that has one value so many times."""
        element, acc = self.symbol(), self.symbol()
        return self.fold(self.range("range()", times), element, {acc: (self.list, self.append("append", acc, value))})

    def power(self, op, a, b):
        if b.number() == 2:
            return self.multiply("*", a, a)
        return self.plain("sqrt()", a) if b.op == "float 0.5" else self.plain("**", a, b)

    # ---- truth ----

    def truth(self, term):
        """What counts of a condition: x for len(x) and for x != 0."""
        if term.op in ("both", "either"):
            return self.logic("and" if term.op == "both" else "or", *term.args)
        if term.op == "len()" and len(term.args) == 1 or term.op == "!=" and term.args[1].number() == 0:
            return term.args[0]
        return term

    def boolean(self, condition):
        """The value of a condition: x != 0 for x."""
        condition = self.truth(condition)
        return condition if self.is_boolean(condition) else self.plain("!=", condition, self.constant(0))

    def never_boolean(self, term):
        if term.op == "if":
            return any(map(self.never_boolean, term.args[1:]))
        return term is self.none or term.text or term.numeric or term.op in MADE

    def is_boolean(self, term):
        searches = term.op == "fold" and term.args[1] is self.false
        return term.op in BOOLEANS or term in (self.true, self.false) or searches

    def only_truth(self, term, acc):
        """Whether a term is only true or false, if the accumulator is."""
        if term.op in ("both", "either", "if"):
            return all(self.only_truth(a, acc) for a in term.args[term.op == "if":])
        return term is acc or self.is_boolean(term)

    def negate(self, c):
        if c not in self.negated:
            self.negated[c] = self.negation(c)
        return self.negated[c]

    def negation(self, c):
        c = self.truth(c)
        if c.op == "not":
            return c.args[0]
        if c.op in NEGATED:
            return self.make(NEGATED[c.op], *c.args)
        if c.op in ("<", "<="):
            return self.less("<=" if c.op == "<" else "<", c.args[1], c.args[0])
        if c.op in ("and", "or"):
            return self.logic("or" if c.op == "and" else "and", *map(self.negate, c.args))
        return {self.true: self.false, self.false: self.true}.get(c) or self.plain("not", c)

    def logic(self, op, *args):
        flat = {b: True for a in map(self.truth, args) for b in (a.args if a.op == op else (a,))}
        return next(iter(flat)) if len(flat) == 1 else self.plain(op, *in_order(flat))

    def either(self, op, *args):
        """The value of and and or: the first or the last of what isn't only true or false."""
        values = {"and": "both", "or": "either"}
        return self.logic(op, *args) if all(self.is_boolean(a) for a in args) else self.plain(values[op], *args)

    def equals(self, op, a, b):
        if a.number() is not None or a in (self.true, self.false):
            a, b = b, a
        if a.op == "%" and a.args[1].number() == 2 and b.number() == 1:
            return self.equals(NEGATED[op], a, self.constant(0))
        if b in (self.true, self.false):
            return a if (b is self.true) == (op == "==") else self.negate(a)
        if b.number() == 0:
            return self.negate(a) if op == "==" else self.boolean(a)
        return self.plain(op, *in_order((a, b)) if b.number() is None else (a, b))

    def less(self, op, a, b):
        """a < b or a <= b, with constants on the right and < for whole numbers."""
        a, x = a.apart()
        if x:
            return self.less(op, a, self.add("+", b, self.constant(-x)))
        if op == "<=" and a.number() is not None and b.whole:
            return self.less("<", self.constant(a.number() - 1), b)
        if op == "<=" and b.number() is not None and a.whole:
            return self.less("<", a, self.constant(b.number() + 1))
        return self.boolean(b) if a.number() == 0 and b.op == "len()" and op == "<" else self.plain(op, a, b)

    def member(self, op, value, among):
        """x in 'abc', ['a', 'b', 'c'] or a set of them."""
        members = None
        if 1 < len(self.text(among, "")) <= LONGEST_CONSTANT:
            members = map(self.constant, self.text(among))
        elif among.op in ("List", "Tuple", "Set") and all(a.op.startswith(("str ", "int ")) for a in among.args):
            members = among.args
        if members is not None:
            among = self.plain("Set", *in_order(set(members)))
        return self.plain(op, value, among)

    def choose(self, c, a, b):
        """a if c else b."""
        c = self.truth(c)
        if a is b or c is self.true:
            return a
        if c is self.false:
            return b
        truths = self.choose_truth(c, a, b)
        if truths is not None:
            return truths
        if c.op in TURNED:
            c, a, b = self.negate(c), b, a
        if c.op == "<" and {a, b} == set(c.args):
            return self.commuting("max()" if a is c.args[1] else "min()", a, b)
        if a.op == "or" and b in a.args:
            return self.logic("or", b, self.logic("and", c, *(x for x in a.args if x is not b)))
        if a.op == "if" and a.args[2] is b:
            return self.choose(self.logic("and", c, a.args[0]), a.args[1], b)
        if b.op == "if" and b.args[1] is a:
            return self.choose(self.logic("or", c, b.args[0]), a, b.args[2])
        return self.plain("if", c, a, b)

    def choose_truth(self, c, a, b):
        """A choice with True or False on a side is a condition."""
        if self.never_boolean(a) or self.never_boolean(b):
            return None
        if a is self.true:
            return self.boolean(c) if b is self.false else self.logic("or", c, b)
        if a is self.false:
            return self.negate(c) if b is self.true else self.logic("and", self.negate(c), b)
        if b is self.false:
            return self.logic("and", c, a)
        return self.logic("or", self.negate(c), a) if b is self.true else None

    # ---- sequences ----

    def item(self, of, index):
        at = index.number()
        if of.op in ("Tuple", "List") and at is not None and -len(of.args) <= at < len(of.args) and not any(a.op == "star" for a in of.args):
            return of.args[at]
        if index.op == "+" and index.args[0].op == "len()" and index.args[0].args == (of,) and (index.args[1].number() or 0) < 0:
            index = index.args[1]  # from the end
        return self.plain("item", of, index)

    def listed(self, op, *args):
        if not args:
            return self.list
        made = args[0].op in ("List", "sorted()") or args[0].op == "fold" and args[0].args[1] is self.list
        return args[0] if made else self.plain(op, *args)

    def append(self, op, to, value):
        return self.plain("append", to, value)

    def range(self, op, *args):
        if len(args) == 3 and args[2].number() == 1:
            args = args[:2]
        return self.plain("range()", *(args[1:] if len(args) == 2 and args[0].number() == 0 else args))

    def fold(self, over, element, accs):
        """The first of accumulators, which have a first value and a next one, after a loop over
        a sequence."""
        over, nexts = self.without_index(over, element, [n for _, n in accs.values()])
        symbols, first = list(accs), [f for f, _ in accs.values()]
        if len(symbols) == 1:
            known = self.simple_fold(over, element, symbols[0], first[0], nexts[0])
            if known is not None:
                return known
        bound = {element: "e", **{s: "a%d." % i for i, s in enumerate(symbols)}}
        return self.close("fold", bound, [over] + first + nexts)

    def simple_fold(self, over, element, acc, first, step):
        """A loop with one accumulator for which there is a shorter word, or another loop."""
        if step is acc:
            return first
        if first.op == "Tuple" and not first.args and only_appends(step, acc):
            return self.make("tuple()", self.fold(over, element, {acc: (self.list, step)}))
        for op, (start, each) in self.readers.items():
            if first is start and step is each(acc, element):
                return self.plain(op, over)
        if first is self.true and self.only_truth(step, acc):  # for all: not for any that not
            other = self.symbol()
            step = self.negate(self.replace(step, {acc: self.negate(other)}))
            return self.negate(self.fold(over, element, {other: (self.false, step)}))
        if first.number() == 0 and step.op == "if" and step.args[1:] == (self.add("+", acc, self.constant(1)), acc):
            counted = [a for a in step.args[0].args if a is not element]
            if step.args[0].op == "==" and len(counted) == 1 and not counted[0].has(element) and not counted[0].has(acc) and (
                    len(self.text(counted[0], "x")) == 1):
                return self.plain(".count", over, counted[0])
        return None

    def without_index(self, over, element, terms):
        """A loop over the places of a sequence that looks at nothing but what is there is one
        over the sequence."""
        if over.op != "range()" or len(over.args) != 1 or over.args[0].op != "len()":
            return over, terms
        sequence = over.args[0].args[0]
        there = self.symbol()
        seen = {}
        found = [self.replace(t, {self.plain("item", sequence, element): there}, seen) for t in terms]
        if any(t.has(element) for t in found):
            return over, terms
        seen = {}
        return sequence, [self.replace(t, {there: element}, seen) for t in found]

    def iterated(self, term):
        """What a loop over the term is over."""
        while term.op in ("list()", "tuple()", "iter()", ".keys") and len(term.args) == 1:
            term = term.args[0]
        return term

    def indexed(self, over, element):
        """A loop over zip or enumerate as one over places: over what, and what is there."""
        if over.op == "enumerate()" and len(over.args) == 1:
            return self.range("range()", self.plain("len()", over.args[0])), self.plain("Tuple", element, self.item(over.args[0], element))
        if over.op in (".items", ".values") and len(over.args) == 1:
            there = self.item(over.args[0], element)
            return over.args[0], there if over.op == ".values" else self.plain("Tuple", element, there)
        if over.op != "zip()" or len(over.args) < 2 or any(a.op == "star" for a in over.args):
            return over, element
        parts = [self.from_start(a) for a in over.args]
        there = [self.item(of, self.add("+", element, self.constant(skipped))) for of, skipped in parts]
        of, skipped = max(parts, key=lambda p: p[1])
        return self.range("range()", self.add("+", self.plain("len()", of), self.constant(-skipped))), self.plain("Tuple", *there)

    def from_start(self, term):
        """The sequence that a slice without an end is of, and how many it skips."""
        if term.op == "item" and term.args[1].op == "slice":
            low, high, step = term.args[1].args
            if (low.number() or 0) > 0 and high is self.none and step is self.none:
                return term.args[0], low.number()
        return term, 0

    def mapped(self, op, *args):
        """map and filter as loops that append."""
        element, acc = self.symbol(), self.symbol()
        called = self.call(args[0], element)
        if op == "map()":
            result = self.append("append", acc, called)
        else:
            result = self.choose(called, self.append("append", acc, element), acc)
        return self.fold(self.iterated(args[1]), element, {acc: (self.list, result)})

    def call(self, function, *args):
        plainly = not any(a.op == "star" or a.op.startswith("named ") for a in args)
        if function.op == "lambda" and plainly and function.args[1].op == "takes %d" % len(args) and not calls_itself(function):
            return self.replace(function.args[0], {self.bound(function, "p%d." % i): a for i, a in enumerate(args)})
        if function.op.startswith("global "):
            return self.make(function.op[7:] + "()", *args)
        return self.plain("call", function, *args)

    def refolded(self, op, sequence):
        """What counts, adds up or asks a list that a loop makes, as a loop that does so itself."""
        return self.refold(sequence, *self.readers[op]) or self.plain(op, sequence)

    def all(self, op, sequence):
        without = self.refold(sequence, self.false, lambda acc, x: self.logic("or", acc, self.negate(x)))
        return self.negate(without) if without else self.plain(op, sequence)

    def joined(self, op, separator, sequence):
        if sequence.op == "list()" and len(sequence.args) == 1:
            sequence = sequence.args[0]
        added = self.text(separator) == "" and self.refold(sequence, separator, lambda acc, x: self.add("+", acc, x))
        return added or self.plain(op, separator, sequence)

    def refold(self, term, first, step):
        """A loop that appends to a list, with another step in the place of appending; None if
        it isn't one."""
        if term.op != "fold" or len(term.args) != 4 or term.args[1] is not self.list:
            return None
        acc, element = self.bound(term, "a0."), self.bound(term, "e")
        if not only_appends(term.args[2], acc):
            return None
        fresh = {acc: self.symbol(), element: self.symbol()}
        result = self.replace(self.steps(term.args[2], step), fresh)
        return self.fold(term.args[0], fresh[element], {fresh[acc]: (first, result)})

    def steps(self, term, step):
        if term.op == "append":
            return step(*term.args)
        if term.op == "if":
            return self.choose(term.args[0], self.steps(term.args[1], step), self.steps(term.args[2], step))
        return term


def calls_itself(function):
    own = "r" + function.args[-1].op[len("bound "):]
    return any(p.op in ("recursion", own) for p in function.parts())


def only_appends(term, acc):
    """Whether a loop does nothing with a list but append to it."""
    if term.op == "if":
        return only_appends(term.args[1], acc) and only_appends(term.args[2], acc)
    return term is acc or term.op == "append" and term.args[0] is acc
