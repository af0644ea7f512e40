"""Compiles tests for running in one process with a candidate.

What tests compare with, and the functions that they rely on, become constants of their
code, where no candidate can reach or replace them. Comparisons and arithmetic go through
functions of together.py, which see to it that an object of a candidate's own class can't
pass for a plain value.
"""

import ast
import builtins
import marshal

import analysis
import candidate

MARK = "\0ouroflow:"  # begins a constant that together.py puts something in the place of
COMPARED = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.In: "in", ast.NotIn: "not_in"}
COMPUTED = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
            ast.Pow: "pow", ast.BitXor: "xor"}
LOOKED_AT = {"abs", "round", "int", "float", "complex", "max", "min", "sum", "str", "repr", "len", "bool", "sorted"}
BY_NAME = {"super", "globals", "locals", "vars", "dir", "exec", "eval"}  # which look at where they are called from
OPEN = BY_NAME - {"super"} | {"__name__", "__file__"}


def tests(form, sources, shared, dynamic):
    """The code of tests, marshalled: a list of (whether it is a function, code). Of the
    names that tests assign to, shared are those that the candidate has, too, which may be
    any if it makes them dynamically."""
    trees = [analysis.parsed(source, "<test>") for source in sources]
    guards = Guards(trees, sources, shared)
    one = form == "asserts" and not dynamic and can_be_function(trees)
    baked = [guards.visit(tree) for tree in trees]
    if one:
        units = [(True, function_of(as_function(baked, shared)))]
    else:
        units = [(False, compiled(tree)) for tree in baked]
    return marshal.dumps(units)


def compiled(tree):
    ast.fix_missing_locations(tree)
    try:
        return compile(tree, "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise candidate.Ended("error", e)


def function_of(module):
    return next(c for c in compiled(module).co_consts if hasattr(c, "co_code"))


def can_be_function(trees):
    """Whether the tests may run as the body of a function, which hides their variables."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.alias) and node.name == "*" or isinstance(node, ast.Name) and node.id in OPEN:
                return False
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                return False
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and hasattr(builtins, node.id):
                return False
    return not any(isinstance(s, ast.Global) for tree in trees for s in tree.body)


def as_function(trees, shared):
    """One function of all tests, which says after each that it was reached."""
    declared = {name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names}
    names = sorted(set(shared) | declared)
    body = [ast.Global(names=names)] if names else []
    for i, tree in enumerate(trees):
        body += tree.body
        body.append(ast.Expr(value=call("reached", ast.Constant(value=i))))
    empty = dict(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.FunctionDef(name="<module>", args=ast.arguments(**empty), body=body, decorator_list=[], type_params=[])
    return ast.Module(body=[function], type_ignores=[])


def mark(name):
    return ast.Constant(value=MARK + name)


def call(name, *args):
    return ast.Call(func=mark(name), args=list(args), keywords=[])


class Guards(ast.NodeTransformer):
    """Puts the functions of together.py in the place of operators, and constants in that
    of the builtins that tests use."""

    def __init__(self, trees, sources, shared):
        self.own = set(shared) | {"super"} | BY_NAME
        for tree in trees:
            for node in ast.walk(tree):
                self.own.update(bound(node))
        self.builtins = not any("builtins" in source for source in sources)  # else tests may replace some

    def visit_Name(self, node):
        if self.builtins and isinstance(node.ctx, ast.Load) and node.id not in self.own and hasattr(builtins, node.id):
            return ast.copy_location(mark("builtin:" + node.id), node)
        return node

    def visit_MatchClass(self, node):
        """A pattern names its class, and can't hold a constant instead."""
        node.patterns = [self.visit(p) for p in node.patterns]
        node.kwd_patterns = [self.visit(p) for p in node.kwd_patterns]
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
            return ast.copy_location(call(COMPARED[type(node.ops[0])], *sides), node)
        if all(type(op) in COMPARED for op in node.ops) and all(isinstance(s, (ast.Constant, ast.Name)) for s in sides[2:]):
            names = ast.Tuple(elts=[mark(COMPARED[type(op)]) for op in node.ops], ctx=ast.Load())
            return ast.copy_location(call("chain", names, *sides), node)
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        text = isinstance(node.left, (ast.Constant, ast.JoinedStr)) and not isinstance(getattr(node.left, "value", ""), (int, float, complex))
        if type(node.op) not in COMPUTED or text:
            return node
        return ast.copy_location(call(COMPUTED[type(node.op)], node.left, node.right), node)

    def visit_Call(self, node):
        looked = isinstance(node.func, ast.Name) and node.func.id in LOOKED_AT and node.func.id not in self.own and self.builtins
        over = node.func.id if isinstance(node.func, ast.Name) and node.func.id in ("map", "filter") and node.func.id not in self.own else None
        self.generic_visit(node)
        if over:
            node.func = ast.copy_location(mark(over), node)
        if looked:
            node.args.insert(0, node.func)
            node.func = ast.copy_location(mark("look"), node)
        return node


def bound(node):
    """The names that a node binds."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).partition(".")[0]]
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return node.names
    if isinstance(node, ast.ExceptHandler) and node.name:
        return [node.name]
    return []
