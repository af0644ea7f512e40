"""Loops, as terms of the variables that they change."""
import ast
import functools

from effects import bound_names, changed_parts, nodes_of, variable

YIELDED = "yield"  # what a generator has given; no name of a variable


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


class Loop:
    """A loop: each variable that it may change is a symbol within it, and those that it binds."""

    def __init__(self, program, node, env):
        self.program, self.terms, self.node, self.before = program, program.terms, node, env
        variables = {YIELDED, *env} | bound_names([node])  # what else it uses is a module, or a name of Python's
        changed = [n for n in changes(node) if n in variables]
        if YIELDED in changed and YIELDED not in env:
            env[YIELDED] = self.terms.plain("yielded")
        self.symbols = {name: self.terms.symbol() for name in changed}
        self.names = {symbol: name for name, symbol in self.symbols.items()}
        self.env = {**env, **self.symbols}

    def first(self, name):
        return self.before.get(name, self.terms.nothing)

    def over(self, over, element, there):
        """After a for loop, there being what its target is bound to."""
        self.program.bind(self.node.target, there, self.env)
        return self.after(self.read(), over, {element: "e"})

    def while_(self, condition):
        body = self.read()
        condition = self.settle(condition)
        counted = self.counted(condition, body)
        return counted or self.after(body, condition, {})

    def read(self):
        """Where the body goes; a variable that it may have changed and didn't is no symbol."""
        body = continued(self.program, self.program.block(self.node.body, self.env))
        ends = [leaf.env for leaf in body.leaves() if leaf.env is not None]
        kept = {s: self.first(n) for n, s in self.symbols.items() if all(end[n] is s for end in ends)}
        for symbol in kept:
            del self.symbols[self.names.pop(symbol)]
        self.settle = functools.partial(self.terms.replace, by=kept, seen={})
        return body.mapped(self.settle)

    # ---- where a loop ends ----

    def after(self, body, head, bound):
        """Where control goes after a loop with this body and head: what it is over, or its
        condition."""
        ways = {leaf.way for leaf in body.leaves()}
        stays = without(self.program, body, "return")
        env = {**self.before, **{n: self.variable(n, stays, head, bound) for n in self.symbols if stays}}
        if stays:
            self.change_elements(env)
        if "break" in ways and self.node.orelse:
            rest = self.program.join(self.left("break", stays, head, bound), Leaf("next", env), self.program.block(self.node.orelse, env))
        else:
            rest = self.program.block(self.node.orelse, env)
        if "return" not in ways:
            return rest
        return self.program.join(self.left("return", body, head, bound), Leaf("return", value=self.returned(body, head, bound)), rest)

    def change_elements(self, env):
        """A loop that changes what is in a list changes the list."""
        over, target = getattr(self.node, "iter", None), getattr(self.node, "target", None)
        if isinstance(over, ast.Name) and isinstance(target, ast.Name) and over.id in env and target.id in changed_parts(self.node.body):
            env[over.id] = self.terms.plain("elements", env[over.id], env[target.id])

    def variable(self, name, body, head, bound):
        """A variable after a loop that doesn't return, by itself with what it needs."""
        if not any(leaf.way == "break" for leaf in body.leaves()):
            return self.whole(name, body.env, head, bound)
        at_exit = self.constant_exit(body, bound, lambda leaf: leaf.env[name])
        if at_exit is not None and all(leaf.env[name] is self.symbols[name] for leaf in body.leaves() if leaf.way == "next"):
            return self.terms.choose(self.left("break", body, head, bound), at_exit, self.first(name))
        return self.close("variable", body, head, bound, self.symbols[name])

    def whole(self, name, end, head, bound):
        """A variable after a loop that nothing leaves."""
        if bound:
            needed = self.needed([self.symbols[name]], [end])
            accs = {s: (self.first(self.names[s]), end[self.names[s]]) for s in needed}
            return self.terms.fold(head, next(iter(bound)), accs)
        if end[name] is self.symbols[name]:
            return self.first(name)
        needed = self.needed([self.symbols[name], head], [end])
        names = [self.names[s] for s in needed]
        return self.terms.close("while", {s: "a%d." % i for i, s in enumerate(needed)},
                                [head] + [self.first(n) for n in names] + [end[n] for n in names])

    def left(self, way, body, head, bound):
        """Whether a loop is left in some way."""
        if self.constant_exit(body, bound, lambda leaf: self.terms.true) is None or not bound:
            return self.close("leaves by " + way, body, head, bound)
        acc = self.terms.symbol()
        step = self.terms.logic("or", acc, leaves_when(self.terms, body))
        return self.terms.fold(head, next(iter(bound)), {acc: (self.terms.false, self.unchanged(step))})

    def returned(self, body, head, bound):
        """What a loop returns if it does."""
        value = self.constant_exit(body, bound, lambda leaf: leaf.value)
        return self.close("returns", body, head, bound) if value is None else value

    def constant_exit(self, body, bound, what):
        """What belongs to the one exit of a loop whose variables don't matter until then, if it
        doesn't depend on where the loop is; else None."""
        exits = [leaf for leaf in body.leaves() if leaf.way != "next"]
        if len(exits) != 1:
            return None
        matter = self.needed(body.conditions() + [what(exits[0])], [])
        if any(leaf.env[self.names[s]] is not s for leaf in body.leaves() if leaf.way == "next" for s in matter):
            return None
        value = self.unchanged(what(exits[0]))
        return None if any(value.has(element) for element in bound) else value

    def unchanged(self, term):
        """A term of variables that the loop hasn't changed yet."""
        return self.terms.replace(term, {s: self.first(n) for n, s in self.symbols.items()})

    def close(self, op, body, head, bound, *start):
        """What a loop that may be left from within makes of a variable or of its exits."""
        ends = [leaf.env for leaf in body.leaves() if leaf.env is not None]
        values = [leaf.value for leaf in body.leaves() if leaf.value is not None]
        needed = self.needed([*start, *([] if bound else [head]), *body.conditions(), *values], ends)
        names = [self.names[s] for s in needed]
        head, inside = self.without_index(head, self.inside(body, names), bound)
        symbols = {**bound, **{s: "a%d." % i for i, s in enumerate(needed)}}
        loop = self.terms.close("loop" if bound else "loop while", symbols, [head, inside] + [self.first(n) for n in names])
        return self.terms.plain(op, loop)

    def without_index(self, head, inside, bound):
        for element in bound:
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

    def needed(self, start, ends):
        """The symbols that terms need, with those that their next values need."""
        order, queue, seen = {}, list(start), set()
        for term in queue:  # it grows
            if term in seen:
                continue
            seen.add(term)
            if term in self.names and term not in order:
                order[term] = True
                queue += [end[self.names[term]] for end in ends]
            queue += term.args
        return list(order)

    def counted(self, condition, body):
        """A while loop that counts a variable up to a bound, as one over a range."""
        if condition.op not in ("<", "<=") or condition.args[0] not in self.names or not isinstance(body, Leaf) or body.way != "next":
            return None
        counter, bound = condition.args
        counts = body.env[self.names[counter]] is self.terms.make("+", counter, self.terms.constant(1))
        if not counts or any(bound.has(s) for s in self.symbols.values()):
            return None
        first, element = self.first(self.names[counter]), self.terms.symbol()
        bound = bound if condition.op == "<" else self.terms.make("+", bound, self.terms.constant(1))
        name = self.names.pop(counter)
        del self.symbols[name]
        body = body.mapped(functools.partial(self.terms.replace, by={counter: element}, seen={}))
        self.before = {**self.before, name: self.terms.make("max()", first, bound)}
        return self.after(body, self.terms.range("range()", first, bound), {element: "e"})


def continued(program, branch):
    """A body at whose end the loop goes on, said or not."""
    if isinstance(branch, Fork):
        return program.join(branch.condition, continued(program, branch.then), continued(program, branch.otherwise))
    return Leaf("next", branch.env) if branch.way == "continue" else branch


def without(program, branch, way):
    """A branch that doesn't go some way, None if it only does."""
    if isinstance(branch, Leaf):
        return None if branch.way == way else branch
    then, otherwise = without(program, branch.then, way), without(program, branch.otherwise, way)
    return program.join(branch.condition, then, otherwise) if then and otherwise else then or otherwise


def leaves_when(terms, body):
    """The condition on which a body leaves its loop."""
    if isinstance(body, Fork):
        return terms.choose(body.condition, leaves_when(terms, body.then), leaves_when(terms, body.otherwise))
    return terms.false if body.way == "next" else terms.true


def changes(loop):
    """The names of the variables that a loop may change, in order: all that it binds, and what
    is given to calls."""
    names = {}
    roots = loop.body + ([loop.test] if isinstance(loop, ast.While) else [loop.target])
    for node in nodes_of(roots):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = True
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Name):
            names[node.iter.id] = True
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names[variable(node)] = True
        elif isinstance(node, ast.Call):
            names.update((variable(part), True) for part in [node.func] * isinstance(node.func, ast.Attribute) + node.args)
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            names[YIELDED] = True
    names.pop(None, None)
    return list(names)
