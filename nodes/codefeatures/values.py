"""Reads what a function returns as a term over its parameters, without running anything."""
import ast
import builtins

from effects import CHANGING, CHANGING_FIRST, Effects, bound_names, changed_parts, parameters
from loops import YIELDED, Fork, Leaf, Loop
from terms import TURNED, Terms, NoValue

BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@",
          ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>"}
COMPARED = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "==", ast.IsNot: "!=", ast.In: "in", ast.NotIn: "not in",
            ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
SET_METHODS = {"union": "|", "intersection": "&", "difference": "-", "symmetric_difference": "^"}
BUILTINS = frozenset(dir(builtins))
MOST_BRANCHES = 100


class Expressions:
    """Terms of expressions, given those of the variables."""

    def __init__(self, tree, own):
        self.terms, self.own = Terms(), own.name
        self.functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef) and n is not own}
        self.modules, self.imported = imports(tree)
        self.effects, self.bound = Effects(tree), bound_names([tree])
        self.world, self.risks = {}, []  # variables of the program; terms that were read and may fail

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
        if node.id in self.functions:
            return self.called_function(node.id)
        return self.terms.plain("global " + self.known_name(node.id))

    def known_name(self, name):
        """What a name of Python or of a module is called there."""
        known = name in self.imported or name in BUILTINS or "*" in self.imported
        if not known and (name in self.bound or name in self.effects.functions):
            raise NoValue  # it gets its value after it is read here
        return self.imported.get(name, name) if known else "unknown " + name

    def called_function(self, name):
        """Another function of the program; one that calls itself on the way has no term yet."""
        found = self.functions[name]
        if isinstance(found, ast.FunctionDef):
            self.functions[name] = self.terms.plain("recursion", self.terms.constant(name))
            self.functions[name] = self.function(found, self.world)
        return self.functions[name]

    def read_BinOp(self, node, env):
        term = self.terms.make(BINARY[type(node.op)], self.read(node.left, env), self.read(node.right, env))
        return self.may_fail(term) if isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)) else term

    def may_fail(self, term):
        self.risks.append(term)
        return term

    def read_UnaryOp(self, node, env):
        if isinstance(node.op, ast.Not):
            return self.terms.negate(self.read(node.operand, env))
        operand = self.read(node.operand, env)
        if isinstance(node.op, ast.USub):
            return self.terms.make("*", operand, self.terms.constant(-1))
        return operand if isinstance(node.op, ast.UAdd) else self.terms.plain("~", operand)

    def read_BoolOp(self, node, env):
        return self.terms.either("and" if isinstance(node.op, ast.And) else "or", *(self.read(v, env) for v in node.values))

    def read_Compare(self, node, env):
        parts, left = [], self.read(node.left, env)
        for op, right in zip(node.ops, node.comparators):
            right = self.read(right, env)
            parts.append(self.compare(COMPARED[type(op)], left, right))
            left = right
        return self.terms.make("and", *parts) if len(parts) > 1 else parts[0]

    def compare(self, op, a, b):
        return self.terms.make("<" + op[1:], b, a) if op[0] == ">" else self.terms.make(op, a, b)

    def read_IfExp(self, node, env):
        return self.terms.choose(self.read(node.test, env), self.read(node.body, env), self.read(node.orelse, env))

    def is_module(self, node, env):
        return isinstance(node, ast.Name) and node.id in self.modules and node.id not in env

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
        return self.may_fail(self.terms.make("item", self.read(node.value, env), self.read(node.slice, env)))

    def read_Slice(self, node, env):
        low, high, step = (self.optional(n, env) for n in (node.lower, node.upper, node.step))
        if low.number() == 0 and (step is self.terms.none or (step.number() or 0) > 0):
            low = self.terms.none
        return self.terms.plain("slice", low, high, self.terms.none if step.number() == 1 else step)

    def read_NamedExpr(self, node, env):
        env[node.target.id] = self.read(node.value, env)
        return env[node.target.id]

    def read_Lambda(self, node, env):
        return self.function(node, env)

    def read_Dict(self, node, env):
        spread = self.terms.plain("spread")
        return self.terms.plain("Dict", *(spread if n is None else self.read(n, env) for pair in zip(node.keys, node.values) for n in pair))

    def read_FormattedValue(self, node, env):
        return self.terms.plain("formatted %d" % node.conversion, self.read(node.value, env), self.optional(node.format_spec, env))

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

    def without_effects(self, node):
        """The parts of a comprehension that changes nothing."""
        if changed_parts([node]) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
            raise NoValue
        return node.generators

    def read_ListComp(self, node, env):
        return self.comprehension(self.without_effects(node), env, self.terms.list, lambda env, acc: self.terms.make("append", acc, self.read(node.elt, env)))

    read_GeneratorExp = read_ListComp

    def read_SetComp(self, node, env):
        return self.comprehension(self.without_effects(node), env, self.terms.plain("set()"), lambda env, acc: self.terms.plain("add", acc, self.read(node.elt, env)))

    def read_DictComp(self, node, env):
        return self.comprehension(self.without_effects(node), env, self.terms.plain("Dict"),
                                  lambda env, acc: self.terms.plain("store", acc, self.read(node.key, env), self.read(node.value, env)))

    # ---- calls ----

    def arguments(self, node, env):
        named = sorted(((k.arg or "**", self.read(k.value, env)) for k in node.keywords), key=lambda pair: pair[0])
        return [self.read(a, env) for a in node.args] + [
            self.terms.plain("named " + name, value) for name, value in named if (name, value) != ("reverse", self.terms.false)]

    def read_Call(self, node, env):
        return self.may_fail(self.called(node, self.arguments(node, env), env))

    def called(self, node, args, env):
        f = node.func
        if isinstance(f, ast.Attribute) and not self.is_module(f.value, env):
            return self.method(f, self.read(f.value, env), args, env)
        if isinstance(f, ast.Attribute):
            return self.foreign("math.pow" if f.attr == "pow" else f.attr, node, args, env)  # not Python's own
        if isinstance(f, ast.Name) and not self.is_ours(f, env):
            return self.foreign(self.known_name(f.id), node, args, env)
        return self.ours(f, node, args, env) if isinstance(f, ast.Name) else self.terms.call(self.read(f, env), *args)

    def foreign(self, name, node, args, env):
        """A call of a function of Python or of a module."""
        term = self.terms.make(name + "()", *args)
        if name in CHANGING_FIRST and node.args:
            self.change(node.args[0], lambda old: self.terms.plain("after " + name, old, *args[1:]), env)
        return term

    def ours(self, f, node, args, env):
        """A call of a function of the program: it may change what it is given."""
        if node.keywords:
            raise NoValue
        function = self.read(f, env)
        if f.id in self.effects.functions:
            if self.effects.reaches_out(f.id):
                raise NoValue
            done = self.terms.plain("does " + self.effects.source, *args)
            for i in self.effects.arguments(f.id):
                if i < len(node.args):
                    self.change(node.args[i], lambda old: self.terms.plain("argument %d" % i, done), env)
        return self.terms.call(function, *args)

    def method(self, f, of, args, env):
        if f.attr in CHANGING:
            self.change(f.value, lambda old: self.changed(f.attr, old, args), env)
        if f.attr in SET_METHODS and len(args) == 1:
            return self.terms.make(SET_METHODS[f.attr], *(t if t.op == "set()" else self.terms.make("set()", t) for t in (of, *args)))
        if f.attr == "copy" and not args:
            return of
        return self.terms.make("." + f.attr, of, *args)

    def function(self, f, env, itself=None):
        """A function as a term; itself is how it is called within."""
        inner, bound = dict(env), {itself: "r"} if itself else {}
        args = f.args
        names = parameters(f)
        for i, name in enumerate(names):
            inner[name] = self.terms.symbol()
            bound[inner[name]] = "p%d." % i
        value = self.read(f.body, inner) if isinstance(f, ast.Lambda) else self.returned(self.block(f.body, inner))
        takes = self.terms.plain("takes %d%s" % (len(names), " or more" * bool(args.vararg or args.kwarg)))
        defaults = [self.optional(d, env) for d in args.defaults + args.kw_defaults]
        return self.terms.close("lambda", bound, [value, takes] + defaults)


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
        condition = self.terms.truth(condition)
        fork = Fork(self.terms.negate(condition), b, a) if condition.op in TURNED else Fork(condition, a, b)
        if len(fork.leaves()) > MOST_BRANCHES:
            raise NoValue
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
            raise NoValue
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
        itself = self.terms.symbol()
        env[node.name] = self.function(node, {**env, node.name: itself}, itself)

    def do_Expr(self, node, env):
        if isinstance(node.value, (ast.Yield, ast.YieldFrom)):
            before, value = env.get(YIELDED, self.terms.plain("yielded")), self.optional(node.value.value, env)
            env[YIELDED] = self.terms.make("append" if isinstance(node.value, ast.Yield) else "+", before, value)
        else:
            self.read(node.value, env)

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
                self.bind(t, self.part(i, target.elts, value), env)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, env)
        elif isinstance(target, ast.Subscript):
            self.change(target.value, lambda old: self.terms.plain("store", old, self.read(target.slice, env), value), env)
        elif isinstance(target, ast.Attribute):
            self.change(target.value, lambda old: self.terms.plain("set " + target.attr, old, value), env)

    def part(self, i, targets, value):
        """What a value gives to one of several targets."""
        starred = [k for k, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if i in starred:
            return self.terms.plain("rest %d of %d" % (i, len(targets)), value)
        return self.terms.make("item", value, self.terms.constant(i - len(targets) if starred and i > starred[0] else i))

    def change(self, node, how, env):
        """Changes the variable that a value is in or is part of."""
        if isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)):
            self.bind(node, how(self.read(node, env)), env)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("setdefault", "get") and node.args:
            item = self.read(node, env)
            self.change(node.func.value, lambda old: self.terms.plain("store", old, self.read(node.args[0], env), how(item)), env)

    # ---- statements that branch ----

    def do_Return(self, node, env):
        value = self.optional(node.value, env)
        return Leaf("return", value=env.get(YIELDED, value))

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
        before = len(self.risks)
        branch = self.block(node.body + node.orelse, env)
        tried = dict.fromkeys(self.risks[before:] + [leaf.value for leaf in branch.leaves() if leaf.value is not None])
        for h in node.handlers:
            inner = {**env, h.name: self.terms.plain("exception")} if h.name else env
            branch = self.join(self.terms.plain("succeeds", *tried), branch, self.block(h.body, inner))
        return self.then(branch, lambda leaf: self.block(node.finalbody, leaf.env))

    # ---- loops ----

    def do_For(self, node, env):
        element = self.terms.symbol()
        over, there = self.terms.indexed(self.terms.iterated(self.read(node.iter, env)), element)
        loop = Loop(self, node, env)
        return loop.over(over, element, there)

    def do_While(self, node, env):
        loop = Loop(self, node, env)
        return loop.while_(self.terms.truth(self.read(node.test, loop.env)))


def read(tree, function):
    """A program, and the term of a function of it."""
    if any(isinstance(n, ast.ClassDef) for n in ast.walk(tree)):
        raise NoValue
    program = Program(tree, function)
    for s in tree.body:
        if isinstance(s, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            getattr(program, "do_" + type(s).__name__)(s, program.world)
    return program, program.function(function, program.world)


def imports(tree):
    """The names of the modules that a program imports, and what it imports from them, under
    the names that these have there."""
    modules, names = set(), {}
    for n in ast.walk(tree):
        if isinstance(n, ast.Import):
            modules.update(a.asname or a.name.split(".")[0] for a in n.names)
        elif isinstance(n, ast.ImportFrom):
            names.update((a.asname or a.name, a.name) for a in n.names)
    return modules, names
