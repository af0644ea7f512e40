"""What a value comes to at given arguments. Terms are interpreted: nothing of the program is
handed to Python, and only the operations in operations.py are known, within limits."""
import itertools
import re

from bounds import UNDEFINED, Limit, Unknown, constant, defined, sequence, size, told
from operations import FUNCTIONS, OPERATORS, argument_of, attribute_of, changed_copy, counted, method_of
from terms import BINDERS

MOST_STEPS, DEEPEST_TERM, DEEPEST_CALL, MOST_LIMITS = 10000, 1000, 120, 2
ELEMENTS_A_STEP = 10  # of a list or text that is made, for as much as one operation costs
BOUND = re.compile(r"(?:[er]|[ap]\d+\.)(\d+)$")  # a name that a loop or a function binds, and which
TOO_MUCH = (Limit, RecursionError, MemoryError)
GIVEN_UP = (Unknown,) + TOO_MUCH  # exceptions that aren't the program's


class Frame:
    """What a loop or a function has bound, and the values of the terms that need nothing within."""

    def __init__(self, names=None):
        self.names, self.memo = names or {}, {}


class Closure:
    """A function of the program with what surrounds it."""

    def __init__(self, machine, term, env):
        self.machine, self.term, self.env = machine, term, env

    def __call__(self, *args):
        return self.machine.apply(self, args)

    def inside(self, values):
        """What surrounds the body of a call."""
        h = height(self.term)
        return {**self.env, h: Frame({"r%d" % h: self, **{"p%d.%d" % (i, h): v for i, v in enumerate(values)}})}


class Machine:
    """Interprets the terms of one program. The scope of a term is the innermost binder that it
    needs; its value is kept there until that binds anew."""

    def __init__(self, constants, functions):
        self.constants, self.functions, self.recursive, self.free = constants, functions, {}, {}

    def outcome(self, function, args):
        """The value at these arguments; Python's exceptions are those of the program."""
        self.steps, self.depth, self.level, self.calls = 0, 0, 0, {}
        self.itself = Closure(self, function, {0: Frame()})
        return self.itself(*args)

    # ---- terms ----

    def needs(self, term):
        """The heights of the binders that a term needs from outside."""
        found = self.free.get(term)
        if found is None:
            binder = binder_of(term)
            found = frozenset([binder]) if binder else frozenset().union(*[self.needs(a) for a in term.args])
            if term.op in BINDERS:
                found -= {height(term)}
            self.free[term] = found
        return found

    def recurs(self, term):
        """Whether a function that calls itself is called in a term."""
        if term not in self.recursive:
            self.recursive[term] = term.op in ("itself", "recursion") or term.op[0] == "r" and BOUND.match(term.op) is not None or any(
                [self.recurs(a) for a in term.args])
        return self.recursive[term]

    def value(self, term, env):
        memo = env[min(self.needs(term), default=0)].memo
        if term not in memo:
            self.spend(1)
            self.level += 1
            if self.level > DEEPEST_TERM:
                raise Limit
            try:
                memo[term] = self.compute(term, env)
            finally:
                self.level -= 1
        return memo[term]

    def spend(self, steps):
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise Limit

    def compute(self, term, env):
        if term in self.constants:
            return constant(self.constants[term])
        form = FORMS.get(term.op)
        if form:
            return form(self, term, env)
        binder = binder_of(term)
        if binder:
            return defined(env[binder].names[term.op])
        args, named = self.arguments(term, env)
        operation = self.operation(term.op, args)
        self.spend(getattr(operation, "steps", 0))
        value = operation(*args, **named)
        self.spend(size(value) // ELEMENTS_A_STEP)
        return value

    def arguments(self, term, env):
        args, named = [], {}
        for a in term.args:
            if a.op == "star":
                args += sequence(self.value(a.args[0], env))
            elif a.op.startswith("named "):
                named[a.op[len("named "):]] = self.value(a.args[0], env)
            else:
                args.append(defined(self.value(a, env)))
        return args, named

    def operation(self, op, args):
        """The function of Python's that an operation is."""
        if op in OPERATORS:
            return OPERATORS[op]
        if op.startswith("unknown ") or op.startswith("global unknown "):
            raise NameError(op)
        if op.startswith("global "):
            return lambda: argument_of(op[len("global "):])
        if op.startswith("."):
            return method_of(op[1:], args[0])
        if op.startswith("attribute "):
            return lambda of: attribute_of(op[len("attribute "):], of)
        if op.endswith("()") and op[:-2] in FUNCTIONS:
            return FUNCTIONS[op[:-2]]
        if op.startswith("after "):
            return lambda old, *rest, **named: changed_copy(op[len("after "):], old, rest, named)
        if op.startswith("rest "):
            at, of = (int(word) for word in op.split() if word.isdigit())
            return lambda value: list(sequence(value))[at:len(value) - (of - 1 - at)]
        raise Unknown(op)

    # ---- what isn't computed from the values of its parts ----

    def truth(self, term, env):
        return bool(defined(self.value(term, env)))

    def choice(self, term, env):
        condition, then, otherwise = term.args
        return self.value(then if self.truth(condition, env) else otherwise, env)

    def logic(self, term, env):
        """Any operand may decide, in whatever order they are said: one that fails doesn't if
        another decides."""
        decides, failure = term.op == "or", None
        for a in sorted(term.args, key=self.recurs):
            try:
                if self.truth(a, env) == decides:
                    return decides
            except GIVEN_UP:
                raise
            except Exception as e:
                failure = e
        if failure:
            raise failure
        return not decides

    def in_order(self, term, env):
        """and or or, as Python gives it: the operand that decides."""
        for a in term.args:
            value = self.value(a, env)
            if bool(defined(value)) == (term.op == "either"):
                break
        return value

    def count(self, term, env):
        """xs.count(x). A loop that counts what equals x is the same term: where that would be
        another number, neither is known."""
        (of, value, *bounds), _ = self.arguments(term, env)
        if isinstance(of, str) and isinstance(value, str) and len(value) != 1 and term.args[1] not in self.constants:
            raise ValueError("count")
        return counted(of, value, *bounds)

    def different(self, term, env):
        """x != y; x != 0 is how terms say that x counts as true."""
        a, b = (defined(self.value(t, env)) for t in term.args)
        return bool(a) if term.args[1].op == "int 0" else a != b

    def succeeds(self, term, env):
        for a in term.args:
            try:
                self.value(a, env)
            except GIVEN_UP:
                raise
            except Exception:
                return False
        return True

    # ---- functions ----

    def function(self, term, env):
        return Closure(self, term, dict(env))

    def call(self, term, env):
        (function, *args), named = self.arguments(term, env)
        if not callable(function) or named:
            raise Unknown("call")
        return function(*args)

    def recursion(self, term, env):
        return self.value(self.functions[self.constants[term.args[0]]], {0: Frame()})

    def apply(self, closure, args):
        body, takes, *defaults, _ = closure.term.args
        if takes.op.endswith(" or more"):
            raise Unknown("*args")
        missing = int(takes.op.split()[1]) - len(args)
        if not 0 <= missing <= len(defaults):
            raise TypeError("number of arguments")
        if self.depth >= DEEPEST_CALL:
            raise Limit
        values = [*args, *[self.value(d, closure.env) for d in defaults[len(defaults) - missing:]]]
        asked = self.asked(closure, values)
        if asked in self.calls:
            return self.calls[asked]
        self.depth += 1
        try:
            result = self.value(body, closure.inside(values))
        finally:
            self.depth -= 1
        if asked is not None:
            self.calls[asked] = result
        return result

    def asked(self, closure, values):
        """What tells a call from others, None if it depends on more than its arguments."""
        if self.needs(closure.term):
            return None
        try:
            return (closure.term, *map(told, values))
        except Unknown:
            return None

    # ---- loops ----

    def fold(self, term, env):
        over, *accs = term.args[:-1]
        firsts, step = self.accumulators(accs)
        return self.run(term, env, sequence(self.value(over, env)), firsts, step)[1][0]

    def while_(self, term, env):
        head, *accs = term.args[:-1]
        firsts, step = self.accumulators(accs)
        return self.run(term, env, itertools.repeat(None), firsts, self.as_long_as(head, step))[1][0]

    def loop(self, term, env):
        head, inside, *firsts = term.args[:-1]
        return self.run(term, env, sequence(self.value(head, env)), firsts, self.body(inside))

    def loop_while(self, term, env):
        head, inside, *firsts = term.args[:-1]
        return self.run(term, env, itertools.repeat(None), firsts, self.as_long_as(head, self.body(inside)))

    def run(self, term, env, over, firsts, step):
        """Goes round a loop: the way by which it was left, the variables then, and what it returns."""
        h, env = height(term), dict(env)
        state = [self.value(f, env) for f in firsts]
        for element in over:
            env[h] = Frame({"e%d" % h: element, **{"a%d.%d" % (i, h): v for i, v in enumerate(state)}})
            way, state, result = step(state, env)
            if way != "next":
                return way, state, result
            self.spend(1)
        return "next", state, None

    def accumulators(self, accs):
        """The first values of variables, and a step to the next ones."""
        firsts, nexts = accs[:len(accs) // 2], accs[len(accs) // 2:]
        return firsts, lambda state, env: ("next", [self.value(n, env) for n in nexts], None)

    def as_long_as(self, head, step):
        return lambda state, env: step(state, env) if self.truth(head, env) else ("ends", state, None)

    def body(self, inside):
        def step(state, env):
            at = inside
            while at.op == "fork":
                at = at.args[1] if self.truth(at.args[0], env) else at.args[2]
            if at.op == "return":
                return "return", state, self.value(at.args[0], env)
            changed = {int(c.op.split()[1]): self.value(c.args[0], env) for c in at.args}
            return at.op, [changed.get(i, v) for i, v in enumerate(state)], None
        return step

    def left(self, term, env):
        return self.value(term.args[0], env)[0] == term.op.split()[-1]

    def returned(self, term, env):
        return self.value(term.args[0], env)[2]

    def variable(self, term, env):
        return self.value(term.args[0], env)[1][0]


def outcomes(program, function, arguments):
    """What the value of a program's function comes to at each of some arguments, as a text: an empty one where
    it fails or takes too long. None if something in it isn't interpreted."""
    machine, found, limits = Machine(program.terms.constants, program.functions), [], 0
    for args in arguments:
        try:
            found.append(told(machine.outcome(function, args)) if limits < MOST_LIMITS else "")
        except Unknown:
            return None
        except Exception as e:  # the program's own, or a limit
            limits += isinstance(e, TOO_MUCH)
            found.append("")
    return found


def binder_of(term):
    """The height of what binds a name, None if the term isn't one."""
    name = BOUND.match(term.op) if not term.args else None
    return name and int(name[1])


def height(binder):
    return int(binder.args[-1].op.split()[1])


def fails(machine, term, env):
    raise RuntimeError("raise")


FORMS = {
    "if": Machine.choice, "and": Machine.logic, "or": Machine.logic, "both": Machine.in_order, "either": Machine.in_order,
    "!=": Machine.different, "succeeds": Machine.succeeds, "lambda": Machine.function, "call": Machine.call,
    "recursion": Machine.recursion, "itself": lambda machine, term, env: machine.itself, "raise": fails,
    "undefined": lambda machine, term, env: UNDEFINED, ".count": Machine.count, "fold": Machine.fold, "while": Machine.while_,
    "loop": Machine.loop, "loop while": Machine.loop_while, "leaves by break": Machine.left, "leaves by return": Machine.left,
    "returns": Machine.returned, "variable": Machine.variable,
}
