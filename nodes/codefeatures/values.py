"""Reads what a function returns as a term over its parameters, without running anything."""
import ast
import functools

from terms import Terms, TooMuch

BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@",
          ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>"}
COMPARED = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "==", ast.IsNot: "!=", ast.In: "in", ast.NotIn: "not in",
            ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
SET_METHODS = {"union": "|", "intersection": "&", "difference": "-", "symmetric_difference": "^"}
CHANGING = frozenset("""append extend insert remove add update sort reverse pop discard clear setdefault popleft appendleft
    subtract popitem""".split())
MODULES = frozenset("math cmath collections itertools functools heapq re operator string bisect np numpy datetime random sys".split())
YIELDED = "yield"  # no name of a variable
MOST_BRANCHES = 100


class Leaf:
    """A branch that goes on, or out of a loop or of a function, by one way."""

    def __init__(self, way, env=None, value=None):
        self.way, self.env, self.value = way, env, value  # way: next, break, continue or return

    def leaves(self):
        return [self]

    def conditions(self):
        return []

    def mapped(self, change):
        env = self.env and {name: change(term) for name, term in self.env.items()}
        return Leaf(self.way, env, self.value and change(self.value))


class Fork:
    """A branch that goes one of two ways, by a condition."""

    def __init__(self, condition, then, otherwise):
        self.condition, self.then, self.otherwise = condition, then, otherwise

    def leaves(self):
        return self.then.leaves() + self.otherwise.leaves()

    def conditions(self):
        return [self.condition] + self.then.conditions() + self.otherwise.conditions()

    def mapped(self, change):
        return Fork(change(self.condition), self.then.mapped(change), self.otherwise.mapped(change))


class Expressions:
    """Terms of expressions, given those of the variables."""

    def __init__(self, functions, own):
        self.terms, self.functions, self.own = Terms(), functions, own

    def read(self, node, env):
        reader = getattr(self, "read_" + type(node).__name__, None)
        if reader:
            return reader(node, env)
        return self.terms.plain(type(node).__name__, *(self.read(c, env) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)))

    def optional(self, node, env):
        return self.terms.none if node is None else self.read(node, env)

    def read_Constant(self, node, env):
        return self.terms.constant(node.value)

    def read_Name(self, node, env):
        if node.id in env:
            return env[node.id]
        if node.id == self.own:
            return self.terms.plain("itself")
        return self.called_function(node.id) if node.id in self.functions else self.terms.plain("global " + node.id)

    def called_function(self, name):
        """Another function of the program; one that calls itself on the way has no term yet."""
        found = self.functions[name]
        if isinstance(found, ast.FunctionDef):
            self.functions[name] = self.terms.plain("recursion")
            self.functions[name] = self.function(found, {})
        return self.functions[name]

    def read_BinOp(self, node, env):
        return self.terms.make(BINARY[type(node.op)], self.read(node.left, env), self.read(node.right, env))

    def read_UnaryOp(self, node, env):
        if isinstance(node.op, ast.Not):
            return self.terms.negate(self.read(node.operand, env))
        operand = self.read(node.operand, env)
        if isinstance(node.op, ast.USub):
            return self.terms.make("*", operand, self.terms.constant(-1))
        return operand if isinstance(node.op, ast.UAdd) else self.terms.plain("~", operand)

    def read_BoolOp(self, node, env):
        return self.terms.make("and" if isinstance(node.op, ast.And) else "or", *(self.read(v, env) for v in node.values))

    def read_Compare(self, node, env):
        parts, left = [], self.read(node.left, env)
        for op, right in zip(node.ops, node.comparators):
            right = self.read(right, env)
            parts.append(self.compare(COMPARED[type(op)], left, right))
            left = right
        return self.terms.make("and", *parts)

    def compare(self, op, a, b):
        return self.terms.make("<" + op[1:], b, a) if op[0] == ">" else self.terms.make(op, a, b)

    def read_IfExp(self, node, env):
        return self.terms.choose(self.read(node.test, env), self.read(node.body, env), self.read(node.orelse, env))

    def is_module(self, node, env):
        return isinstance(node, ast.Name) and node.id in MODULES and node.id not in env

    def is_ours(self, f, env):
        """Whether it is a function of the program."""
        return isinstance(f, ast.Name) and (f.id in env or f.id in self.functions or f.id == self.own)

    def read_Attribute(self, node, env):
        if self.is_module(node.value, env):
            return self.terms.plain("global " + node.attr)
        return self.terms.plain("attribute " + node.attr, self.read(node.value, env))

    def read_Starred(self, node, env):
        return self.terms.plain("star", self.read(node.value, env))

    def read_Subscript(self, node, env):
        return self.terms.make("item", self.read(node.value, env), self.read(node.slice, env))

    def read_Slice(self, node, env):
        low, high, step = (self.optional(n, env) for n in (node.lower, node.upper, node.step))
        return self.terms.plain("slice", self.terms.none if low.number() == 0 else low, high, self.terms.none if step.number() == 1 else step)

    def read_NamedExpr(self, node, env):
        env[node.target.id] = self.read(node.value, env)
        return env[node.target.id]

    def read_Lambda(self, node, env):
        return self.function(node, env)

    def read_Dict(self, node, env):
        return self.terms.plain("Dict", *(self.optional(n, env) for pair in zip(node.keys, node.values) for n in pair))

    # ---- comprehensions ----

    def comprehension(self, generators, env, acc, step):
        """A loop over what generators give, from a first value by steps."""
        if not generators:
            return step(env, acc)
        g, inner = generators[0], dict(env)
        element, new = self.terms.symbol(), self.terms.symbol()
        over, there = self.terms.indexed(self.terms.iterated(self.read(g.iter, env)), element)
        self.bind(g.target, there, inner)
        conditions = [self.read(c, inner) for c in g.ifs]
        result = self.comprehension(generators[1:], inner, new, step)
        if conditions:
            result = self.terms.choose(self.terms.make("and", *conditions), result, new)
        return self.terms.fold(over, element, {new: (acc, result)})

    def read_ListComp(self, node, env):
        return self.comprehension(node.generators, env, self.terms.list, lambda env, acc: self.terms.make("append", acc, self.read(node.elt, env)))

    read_GeneratorExp = read_ListComp

    def read_SetComp(self, node, env):
        return self.comprehension(node.generators, env, self.terms.plain("set()"), lambda env, acc: self.terms.plain("add", acc, self.read(node.elt, env)))

    def read_DictComp(self, node, env):
        return self.comprehension(node.generators, env, self.terms.plain("Dict"),
                                  lambda env, acc: self.terms.plain("store", acc, self.read(node.key, env), self.read(node.value, env)))

    # ---- calls ----

    def arguments(self, node, env):
        named = sorted(((k.arg or "**", self.read(k.value, env)) for k in node.keywords), key=lambda pair: pair[0])
        return [self.read(a, env) for a in node.args] + [
            self.terms.plain("named " + name, value) for name, value in named if (name, value) != ("reverse", self.terms.false)]

    def read_Call(self, node, env):
        args, f = self.arguments(node, env), node.func
        if isinstance(f, ast.Attribute) and not self.is_module(f.value, env):
            return self.method(f, self.read(f.value, env), args, env)
        if isinstance(f, ast.Attribute):
            return self.terms.make(f.attr + "()", *args)
        if isinstance(f, ast.Name) and not self.is_ours(f, env):
            return self.terms.make(f.id + "()", *args)
        return self.terms.call(self.read(f, env), *args)

    def method(self, f, of, args, env):
        if f.attr in ("pop", "popleft", "popitem") and isinstance(f.value, ast.Name) and f.value.id in env:
            env[f.value.id] = self.terms.plain("after " + f.attr, of, *args)
        if f.attr in SET_METHODS and len(args) == 1:
            return self.terms.make(SET_METHODS[f.attr], *(t if t.op == "set()" else self.terms.make("set()", t) for t in (of, *args)))
        if f.attr == "copy" and not args:
            return of
        return self.terms.make("." + f.attr, of, *args)

    def function(self, f, env):
        inner, bound = dict(env), {}
        args = f.args
        names = [a.arg for a in args.posonlyargs + args.args + args.kwonlyargs] + [a.arg for a in (args.vararg, args.kwarg) if a]
        for i, name in enumerate(names):
            inner[name] = self.terms.symbol()
            bound[inner[name]] = "p%d." % i
        value = self.read(f.body, inner) if isinstance(f, ast.Lambda) else self.returned(self.block(f.body, inner))
        takes = self.terms.plain("takes %d%s" % (len(names), " or more" * bool(args.vararg or args.kwarg)))
        return self.terms.close("lambda", bound, [value, takes] + [self.read(d, env) for d in args.defaults])


class Program(Expressions):
    """Terms of statements: what they leave in the variables, and where control goes."""

    def block(self, statements, env):
        branch = Leaf("next", env)
        for s in statements:
            branch = self.then(branch, lambda leaf: self.statement(s, leaf.env))
        return branch

    def then(self, branch, go):
        """The branch that goes on from where it would go on."""
        if isinstance(branch, Fork):
            return self.join(branch.condition, self.then(branch.then, go), self.then(branch.otherwise, go))
        return go(branch) if branch.way == "next" else branch

    def join(self, condition, a, b):
        """A fork, or one way where both go the same."""
        if isinstance(a, Leaf) and isinstance(b, Leaf) and a.way == b.way:
            if a.way == "return":
                return Leaf(a.way, value=self.terms.choose(condition, a.value, b.value))
            return Leaf(a.way, self.merge(condition, a.env, b.env))
        fork = Fork(self.terms.truth(condition), a, b)
        if len(fork.leaves()) > MOST_BRANCHES:
            raise TooMuch
        return fork

    def merge(self, condition, a, b):
        nothing = self.terms.nothing
        return {name: self.terms.choose(condition, a.get(name, nothing), b.get(name, nothing)) for name in {**a, **b}}

    def returned(self, branch):
        """The value of a function whose body this is."""
        if isinstance(branch, Fork):
            return self.terms.choose(branch.condition, self.returned(branch.then), self.returned(branch.otherwise))
        return branch.value if branch.way == "return" else branch.env.get(YIELDED, self.terms.none)

    def statement(self, node, env):
        reader = getattr(self, "do_" + type(node).__name__, None)
        if reader is None:
            raise TooMuch
        env = dict(env)
        return reader(node, env) or Leaf("next", env)

    # ---- statements that go on ----

    def do_Pass(self, node, env):
        pass

    do_Import = do_ImportFrom = do_Global = do_Nonlocal = do_Assert = do_Pass

    def do_Assign(self, node, env):
        value = self.read(node.value, env)
        for target in node.targets:
            self.bind(target, value, env)

    def do_AnnAssign(self, node, env):
        if node.value is not None:
            self.bind(node.target, self.read(node.value, env), env)

    def do_AugAssign(self, node, env):
        old, value = self.read(node.target, env), self.read(node.value, env)
        if isinstance(node.op, ast.Add) and value.op in ("List", "Tuple") and len(value.args) == 1:
            new = self.terms.make("append", old, value.args[0])
        else:
            new = self.terms.make(BINARY[type(node.op)], old, value)
        self.bind(node.target, new, env)

    def do_Delete(self, node, env):
        for t in node.targets:
            if isinstance(t, ast.Subscript):
                self.change(t.value, lambda old: self.terms.plain("delete", old, self.read(t.slice, env)), env)

    def do_FunctionDef(self, node, env):
        env[node.name] = self.terms.plain("recursion")
        env[node.name] = self.function(node, env)

    def do_Expr(self, node, env):
        value = node.value
        if isinstance(value, (ast.Yield, ast.YieldFrom)):
            env[YIELDED] = self.terms.make("append", env.get(YIELDED, self.terms.plain("yielded")), self.optional(value.value, env))
        elif isinstance(value, ast.Call):
            self.effect(value, env)

    def effect(self, call, env):
        """What a call whose result isn't used does to variables."""
        f, args = call.func, self.arguments(call, env)
        if isinstance(f, ast.Attribute) and not self.is_module(f.value, env):
            if f.attr in CHANGING:
                self.change(f.value, lambda old: self.changed(f.attr, old, args), env)
        elif isinstance(f, ast.Attribute) or self.is_ours(f, env):
            done = self.terms.plain("does", self.read(f, env), *args)
            for i, a in enumerate(call.args):
                if isinstance(a, ast.Name) and a.id in env:
                    env[a.id] = self.terms.plain("argument %d" % i, done)

    def changed(self, method, old, args):
        if method == "sort":
            return self.terms.make("sorted()", old, *args)
        if method == "reverse":
            return self.terms.make("item", old, self.terms.plain("slice", self.terms.none, self.terms.none, self.terms.constant(-1)))
        if method in ("append", "add") and len(args) == 1:
            return self.terms.make(method, old, *args)
        return self.terms.make("+", old, *args) if method == "extend" and len(args) == 1 else self.terms.plain("after " + method, old, *args)

    def bind(self, target, value, env):
        if isinstance(target, ast.Name):
            env[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for i, t in enumerate(target.elts):
                part = self.terms.plain("rest %d" % i, value) if isinstance(t, ast.Starred) else self.terms.make("item", value, self.terms.constant(i))
                self.bind(t, part, env)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, env)
        elif isinstance(target, ast.Subscript):
            self.change(target.value, lambda old: self.terms.plain("store", old, self.read(target.slice, env), value), env)
        elif isinstance(target, ast.Attribute):
            self.change(target.value, lambda old: self.terms.plain("set " + target.attr, old, value), env)

    def change(self, node, how, env):
        """Changes the variable that a value is in or is part of."""
        if isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)):
            self.bind(node, how(self.read(node, env)), env)

    # ---- statements that branch ----

    def do_Return(self, node, env):
        return Leaf("return", value=self.optional(node.value, env))

    def do_Raise(self, node, env):
        return Leaf("return", value=self.terms.plain("raise"))

    def do_Break(self, node, env):
        return Leaf("break", env)

    def do_Continue(self, node, env):
        return Leaf("continue", env)

    def do_If(self, node, env):
        return self.join(self.read(node.test, env), self.block(node.body, env), self.block(node.orelse, env))

    def do_With(self, node, env):
        for i in node.items:
            value = self.read(i.context_expr, env)
            if i.optional_vars is not None:
                self.bind(i.optional_vars, value, env)
        return self.block(node.body, env)

    def do_Try(self, node, env):
        branch = self.block(node.body + node.orelse, env)
        for h in node.handlers:
            inner = {**env, h.name: self.terms.plain("exception")} if h.name else env
            branch = self.join(self.terms.plain("succeeds"), branch, self.block(h.body, inner))
        return self.then(branch, lambda leaf: self.block(node.finalbody, leaf.env))

    # ---- loops ----

    def do_For(self, node, env):
        element = self.terms.symbol()
        over, there = self.terms.indexed(self.terms.iterated(self.read(node.iter, env)), element)
        loop = Loop(self, node, env)
        self.bind(node.target, there, loop.env)
        return loop.over(over, element)

    def do_While(self, node, env):
        loop = Loop(self, node, env)
        return loop.while_(self.terms.truth(self.read(node.test, loop.env)))


class Loop:
    """A loop: each variable that it changes is a symbol within it."""

    def __init__(self, program, node, env):
        self.program, self.terms, self.node, self.before = program, program.terms, node, env
        self.targets = [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)] if isinstance(node, ast.For) else []
        changed = [n for n in changes(node) if n not in self.targets]
        if YIELDED in changed and YIELDED not in env:
            env[YIELDED] = self.terms.plain("yielded")
        self.symbols = {name: self.terms.symbol() for name in changed}
        self.names = {symbol: name for name, symbol in self.symbols.items()}
        self.env = {**env, **self.symbols}

    def first(self, name):
        return self.before.get(name, self.terms.nothing)

    def body(self):
        """Where the body goes; a variable that it may have changed and didn't is no symbol."""
        body = continued(self.program, self.program.block(self.node.body, self.env))
        ends = [leaf.env for leaf in body.leaves() if leaf.env is not None]
        kept = {s: self.first(n) for n, s in self.symbols.items() if all(end[n] is s for end in ends)}
        for symbol in kept:
            del self.symbols[self.names.pop(symbol)]
        self.settle = functools.partial(self.terms.replace, by=kept, seen={})
        return body.mapped(self.settle)

    def over(self, over, element):
        body = self.body()
        if isinstance(body, Leaf) and body.way == "next":
            return self.after({name: self.folded(over, element, name, body.env) for name in self.symbols})
        return self.searched(body, over, element) or self.left(body, [over], {element: "e"})

    def while_(self, condition):
        body = self.body()
        condition = self.settle(condition)
        if not isinstance(body, Leaf) or body.way != "next":
            return self.left(body, [condition], {})
        counted = self.counted(condition, body.env)
        if counted:
            return counted
        return self.after({name: self.repeated(condition, name, body.env) for name in self.symbols})

    def after(self, values):
        """The branch on which a loop has ended by itself."""
        env = {**self.before, **values, **{t: self.terms.plain("last") for t in self.targets}}
        return self.program.block(self.node.orelse, env)

    def counted(self, condition, end):
        """A while loop that counts a variable up to a bound, as one over a range."""
        if condition.op != "<" or condition.args[0] not in self.names:
            return None
        counter, bound = condition.args
        steps = end[self.names[counter]] is self.terms.make("+", counter, self.terms.constant(1))
        if not steps or any(bound.has(s) for s in self.symbols.values()):
            return None
        over, element = self.terms.range("range()", self.first(self.names[counter]), bound), self.terms.symbol()
        seen = {}
        end = {name: self.terms.replace(term, {counter: element}, seen) for name, term in end.items()}
        values = {name: self.folded(over, element, name, end) for name in self.symbols if name != self.names[counter]}
        return self.after({**values, self.names[counter]: bound})

    def needed(self, *start, end):
        """The symbols that terms need, with those that the next values of these need."""
        order, queue, seen = {}, list(start), set()
        while queue:
            term = queue.pop(0)
            if term in seen:
                continue
            seen.add(term)
            if term in self.names and term not in order:
                order[term] = True
                queue += [leaf[self.names[term]] for leaf in end if self.names[term] in leaf]
            queue += term.args
        return list(order)

    def folded(self, over, element, name, end):
        """A variable after a loop over a sequence, by itself with what it needs."""
        needed = self.needed(self.symbols[name], end=[end])
        return self.terms.fold(over, element, {s: (self.first(self.names[s]), end[self.names[s]]) for s in needed})

    def repeated(self, condition, name, end):
        if end[name] is self.symbols[name]:
            return self.first(name)
        needed = self.needed(self.symbols[name], condition, end=[end])
        names = [self.names[s] for s in needed]
        return self.terms.close("while", {s: "a%d." % i for i, s in enumerate(needed)},
                                [condition] + [self.first(n) for n in names] + [end[n] for n in names])

    def searched(self, body, over, element):
        """After a loop that changes nothing until it is left, with what doesn't depend on where."""
        leaves = body.leaves()
        exits = [leaf for leaf in leaves if leaf.way != "next"]
        changed = any(leaf.env[n] is not s for leaf in leaves if leaf.way == "next" for n, s in self.symbols.items())
        if len(exits) != 1 or changed:
            return None
        seen, by = {}, {s: self.first(n) for n, s in self.symbols.items()}
        exit, acc = exits[0], self.terms.symbol()
        values = {"": exit.value} if exit.env is None else {n: exit.env[n] for n in self.symbols}
        values = {n: self.terms.replace(v, by, seen) for n, v in values.items()}
        if any(v.has(element) for v in values.values()):
            return None
        step = self.terms.logic("or", acc, self.terms.replace(self.leaves_when(body), by, seen))
        found = self.terms.fold(over, element, {acc: (self.terms.false, step)})
        end = Leaf("return", value=values[""]) if exit.env is None else Leaf("next", {**self.before, **values})
        return self.program.join(found, end, self.after({}))

    def leaves_when(self, body):
        """The condition on which a body leaves the loop."""
        if isinstance(body, Fork):
            return self.terms.choose(body.condition, self.leaves_when(body.then), self.leaves_when(body.otherwise))
        return self.terms.false if body.way == "next" else self.terms.true

    def left(self, body, head, bound):
        """After a loop that may be left from within: its variables are parts of the loop."""
        ends = [leaf.env for leaf in body.leaves() if leaf.env is not None]
        values = [leaf.value for leaf in body.leaves() if leaf.value is not None]
        needed = self.needed(*head, *body.conditions(), *values, *(end[n] for end in ends for n in self.symbols if end[n] is not self.symbols[n]), end=ends)
        names = [self.names[s] for s in needed]
        bound = {**bound, **{s: "a%d." % i for i, s in enumerate(needed)}}
        head, inside = self.head(head[0], self.inside(body, names), bound)
        loop = self.terms.close("loop", bound, [head, inside] + [self.first(n) for n in names])
        rest = self.after({n: self.terms.plain("variable %d" % i, loop) for i, n in enumerate(names)})
        if not values:
            return rest
        return Fork(self.terms.plain("returns", loop), Leaf("return", value=self.terms.plain("value", loop)), rest)

    def head(self, head, inside, bound):
        element = next((s for s, name in bound.items() if name == "e"), None)
        if element is None:
            return head, inside
        head, (inside,) = self.terms.without_index(head, element, [inside])
        return head, inside

    def inside(self, branch, names):
        """A body as a term: where it goes, with the variables that it changes."""
        if isinstance(branch, Fork):
            return self.terms.plain("fork", branch.condition, self.inside(branch.then, names), self.inside(branch.otherwise, names))
        if branch.way == "return":
            return self.terms.plain("return", branch.value)
        changed = [(i, branch.env[n]) for i, n in enumerate(names) if branch.env[n] is not self.symbols[n]]
        return self.terms.plain(branch.way, *(self.terms.plain("variable %d" % i, term) for i, term in changed))


def continued(program, branch):
    """A body at whose end the loop goes on, said or not."""
    if isinstance(branch, Fork):
        return program.join(branch.condition, continued(program, branch.then), continued(program, branch.otherwise))
    return Leaf("next", branch.env) if branch.way == "continue" else branch


def changes(loop):
    """The names of the variables that a loop changes, in order."""
    names = {}
    for node in [n for s in loop.body + ([loop.test] if isinstance(loop, ast.While) else []) for n in ast.walk(s)]:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = True
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names[variable(node)] = True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            names[variable(node.func)] = True
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names.update((variable(a), True) for a in node.value.args)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            names[YIELDED] = True
    names.pop(None, None)
    return list(names)


def variable(node):
    """The variable that a value is part of."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def value_of(tree, function):
    """The term of a function of a program."""
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef) and n is not function}
    program, env = Program(functions, function.name), {}
    for s in tree.body:
        if isinstance(s, ast.Assign):
            program.do_Assign(s, env)
    return program.function(function, env)
