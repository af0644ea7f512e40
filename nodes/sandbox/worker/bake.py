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
            ast.Pow: "pow", ast.BitXor: "xor", ast.BitAnd: "and", ast.BitOr: "or", ast.LShift: "lshift", ast.RShift: "rshift",
            ast.MatMult: "matmul"}
LOOKED_AT = dict.fromkeys("abs round int float complex sum str repr len bool sorted format".split(), "look")
LOOKED_AT.update(max="mixed", min="mixed", set="set_of", frozenset="set_of", map="mapped", filter="mapped")
OPERATIONS = {"divmod", "pow"}  # that operators do, too
FINDING = {"count", "index", "remove", "get", "pop", "setdefault", "__contains__", "__eq__", "__ne__"}  # methods that compare
BY_OPERATOR = {*COMPARED.values(), *COMPUTED.values()} - {"in", "not_in", "and", "or"}
BY_NAME = {"super"} | analysis.BY_NAME


def tests(form, sources, shared):
    """The code of tests, marshalled: a list of (whether it is a function, code, the names
    that it declares global). Of the names that tests assign to, shared are those that the
    candidate has, too."""
    trees = [analysis.parsed(source, "<test>") for source in sources]
    guards = Guards(trees, sources, shared)
    one = form == "asserts" and analysis.can_be_function(trees)
    baked = [guards.visit(tree) for tree in trees]
    if one:
        units = [(True, function_of(as_function(baked, shared)), [])]
    else:
        units = [(False, compiled(tree), sorted(declared(tree))) for tree in baked]
    return marshal.dumps(units)


def compiled(tree):
    ast.fix_missing_locations(tree)
    try:
        return compile(tree, "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise candidate.Ended("error", e)


def function_of(module):
    return next(c for c in compiled(module).co_consts if hasattr(c, "co_code"))


def as_function(trees, shared):
    """One function of all tests, which says after each that it was reached."""
    names = sorted(set(shared).union(*map(declared, trees)))
    body = [ast.Global(names=names)] if names else []
    for i, tree in enumerate(trees):
        body += tree.body
        body.append(ast.Expr(value=call("reached", ast.Constant(value=i))))
    empty = dict(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.FunctionDef(name="<module>", args=ast.arguments(**empty), body=body, decorator_list=[], type_params=[])
    return ast.Module(body=[function], type_ignores=[])


def declared(tree):
    """The names that functions of a module declare global."""
    return {name for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names}


def mark(name):
    return ast.Constant(value=MARK + name)


def call(name, *args):
    return ast.Call(func=mark(name), args=list(args), keywords=[])


class Guards(ast.NodeTransformer):
    """Puts the functions of together.py in the place of operators, and constants in that
    of the builtins that tests use."""

    def __init__(self, trees, sources, shared):
        self.bound = set(shared)
        for tree in trees:
            for node in ast.walk(tree):
                self.bound.update(bound(node))
        self.own = self.bound | {"super"} | BY_NAME
        self.operators = any("import operator" in source for source in sources)
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
        if type(node.op) in COMPUTED and not text:
            return ast.copy_location(call(COMPUTED[type(node.op)], node.left, node.right), node)
        if isinstance(node.op, ast.Mod):
            self.written(node)
        return node

    def written(self, node):
        """Has what is written into a text looked at."""
        if isinstance(node.right, ast.Tuple):
            node.right.elts = [e if isinstance(e, ast.Starred) else self.looked(e) for e in node.right.elts]
        else:
            node.right = self.looked(node.right)

    def looked(self, node):
        """Has a value looked at whose truth or text tests use."""
        return node if isinstance(node, ast.Constant) else ast.copy_location(call("truth", node), node)

    def visit_FormattedValue(self, node):
        self.generic_visit(node)
        node.value = self.looked(node.value)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if type(node.op) not in COMPUTED:
            return node
        if not isinstance(node.target, ast.Name):
            node.value = call("operand", node.value)
            return node
        now = ast.copy_location(ast.Name(id=node.target.id, ctx=ast.Load()), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=call("i" + COMPUTED[type(node.op)], now, node.value)), node)

    def visit_tested(self, node):
        """What has a condition."""
        self.generic_visit(node)
        node.test = self.condition(node.test)
        return node

    visit_Assert = visit_If = visit_While = visit_IfExp = visit_tested

    def condition(self, node):
        if isinstance(node, ast.BoolOp):
            node.values = [self.condition(v) for v in node.values]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self.condition(node.operand)
        elif isinstance(node, ast.Name) or isinstance(node, ast.Call) and getattr(node.func, "value", "") in COMPUTED_MARKS:
            return self.looked(node)
        return node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return self.condition(node)

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        return self.condition(node)

    def visit_Set(self, node):
        self.generic_visit(node)
        if all(isinstance(e, ast.Constant) for e in node.elts):
            return node
        return ast.copy_location(call("set_of", mark("builtin:set"), ast.List(elts=node.elts, ctx=ast.Load())), node)

    def visit_Dict(self, node):
        self.generic_visit(node)
        if any(isinstance(k, ast.Constant) for k in node.keys):
            node.keys = [k if k is None or isinstance(k, ast.Constant) else ast.copy_location(call("key", k), k) for k in node.keys]
        return node

    def visit_Subscript(self, node):
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, (ast.Constant, ast.Slice, ast.UnaryOp, ast.Tuple, ast.Starred)):
            return node
        return ast.copy_location(call("item", node.value, node.slice), node)

    def visit_Match(self, node):
        self.generic_visit(node)
        if any(compares(case.pattern) for case in node.cases):
            node.subject = ast.copy_location(call("key", node.subject), node.subject)
        return node

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        node.decorator_list.insert(0, ast.copy_location(mark("own"), node))
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if self.operators and isinstance(node.value, ast.Name) and node.value.id == "operator" and node.attr.strip("_") in BY_OPERATOR:
            return ast.copy_location(mark(node.attr.strip("_")), node)
        return node

    def visit_Call(self, node):
        if eval_of(node) is not None and "eval" not in self.bound:
            return self.visit(ast.copy_location(eval_of(node), node))
        name = node.func.id if isinstance(node.func, ast.Name) and node.func.id not in self.own and self.builtins else None
        self.generic_visit(node)
        if name in OPERATIONS and len(node.args) == 2 and not node.keywords and not isinstance(node.args[0], ast.Starred):
            node.func = ast.copy_location(mark(name), node)
        elif name in LOOKED_AT:
            node.args.insert(0, node.func)
            node.func = ast.copy_location(mark(LOOKED_AT[name]), node)
        elif isinstance(node.func, ast.Attribute):
            return self.called(node)
        return node

    def called(self, node):
        """A method that compares, or that says how a mock was called."""
        asserts = node.func.attr.startswith("assert_")
        if not asserts and (node.func.attr not in FINDING or not node.args or node.keywords or isinstance(node.args[0], ast.Constant)):
            return node
        if any(isinstance(a, ast.Starred) for a in node.args[:1]) or isinstance(node.func.value, ast.Call) and is_super(node.func.value):
            return node
        node.args = [node.func.value, ast.Constant(value=node.func.attr), *node.args]
        node.func = ast.copy_location(mark("asserted" if asserts else "method"), node)
        return node


COMPUTED_MARKS = {MARK + name for name in COMPUTED.values()}


def is_super(node):
    return isinstance(node.func, ast.Name) and node.func.id == "super"


def eval_of(node):
    """The expression that a call of eval evaluates, if it is there to be seen."""
    if isinstance(node.func, ast.Name) and node.func.id == "eval" and len(node.args) == 1 and not node.keywords:
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            try:
                return ast.parse(node.args[0].value.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
    return None


def compares(pattern):
    """Whether a pattern compares what it matches, but for what is within classes."""
    if isinstance(pattern, (ast.MatchValue, ast.MatchMapping)):
        return True
    below = getattr(pattern, "patterns", []) + [getattr(pattern, "pattern", None)]
    return not isinstance(pattern, ast.MatchClass) and any(compares(p) for p in below if p is not None)


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
