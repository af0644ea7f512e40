"""What code changes besides the names that it binds: parts of variables, and what is given to
calls."""
import ast

CHANGING = frozenset("""append extend insert remove add update sort reverse pop discard clear setdefault popleft appendleft
    subtract popitem intersection_update difference_update symmetric_difference_update rotate extendleft move_to_end""".split())
CHANGING_FIRST = frozenset("heappush heappop heapify heapreplace heappushpop shuffle insort insort_left insort_right next".split())


def variable(node):
    """The variable that a value is, or is part of; None if it is part of none."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return None
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def nodes_of(roots):
    return [n for root in roots for n in ast.walk(root)]


def called(call):
    f = call.func
    return f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else None


def changed_parts(roots):
    """The variables whose parts some code sets, or that it changes by calling a method or a
    function that is known for it."""
    changed = set()
    for n in nodes_of(roots):
        if isinstance(n, (ast.Subscript, ast.Attribute)) and isinstance(n.ctx, (ast.Store, ast.Del)):
            changed.add(variable(n))
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in CHANGING:
            changed.add(variable(n.func))
        elif isinstance(n, ast.Call) and called(n) in CHANGING_FIRST and n.args:
            changed.add(variable(n.args[0]))
    return changed - {None}


def bound_names(roots):
    return {n.id for n in nodes_of(roots) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}


def parameters(f):
    args = f.args
    return [a.arg for a in args.posonlyargs + args.args + args.kwonlyargs] + [a.arg for a in (args.vararg, args.kwarg) if a]


class Effects:
    """What the functions of a program change: their arguments, and what isn't theirs."""

    def __init__(self, tree):
        self.functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        self.source = "".join(map(ast.dump, self.functions.values()))
        self.changed = {name: changed_parts(f.body) for name, f in self.functions.items()}
        while any([self.pass_on(name) for name in self.functions]):
            pass

    def pass_on(self, name):
        """Adds what a function gives to others that change it; whether there was any."""
        before = len(self.changed[name])
        for call in nodes_of(self.functions[name].body):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.functions:
                self.changed[name] |= {variable(call.args[i]) for i in self.arguments(call.func.id) if i < len(call.args)} - {None}
        return len(self.changed[name]) > before

    def arguments(self, name):
        """Which arguments a function changes."""
        names = parameters(self.functions[name])
        return [i for i, p in enumerate(names) if p in self.changed[name]]

    def reaches_out(self, name):
        """Whether a function changes variables that aren't its own."""
        f = self.functions[name]
        declared = {n for s in nodes_of(f.body) if isinstance(s, (ast.Nonlocal, ast.Global)) for n in s.names}
        own = (bound_names(f.body) | set(parameters(f))) - declared
        return bool((self.changed[name] | declared) - own)
