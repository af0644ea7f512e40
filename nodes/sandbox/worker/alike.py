"""Says which programs are equal but for the names of local variables, and for layout.

Two programs with one key do the same, except that an error may name a variable. A program
that could look at its own names has no key.
"""

import ast
import hashlib
import re

OWN_NAMES = re.compile(r"\b(locals|vars|dir|eval|exec|globals|__\w+__|global|nonlocal|match|compile|getattr|setattr|format_map)\b|:=")
MOST = 20_000  # characters of a program that is worth it
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = SCOPES[:3]


def key(code, tests):
    """A digest of what a program does, None if it has none."""
    if len(code) > MOST or OWN_NAMES.search(code):
        return None
    try:
        trees = [ast.parse(text) for text in (code, *tests)]
        keywords = {n.arg for tree in trees for n in ast.walk(tree) if isinstance(n, ast.keyword)}
        if None in keywords:  # a call with names that aren't in the text
            return None
        tree = Renamed(keywords).visit(trees[0])
        return hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError, Named):
        return None


class Named(Exception):
    """A program binds names in a way that isn't followed."""


class Renamed(ast.NodeTransformer):
    """Gives local variables the names of their places, and docstrings one text. Parameters
    that are passed by name keep theirs."""

    def __init__(self, keywords):
        self.keywords = keywords
        self.scopes = []  # names in the functions around, and what they become

    def visit_Module(self, node):
        self.describe(node)
        return self.generic_visit(node)

    def visit_ClassDef(self, node):
        if self.scopes:
            raise Named
        self.describe(node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node):
        self.describe(node)
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.returns = node.returns and self.visit(node.returns)
        return self.function(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        return self.function(node)

    def function(self, node):
        a = node.args
        a.defaults, a.kw_defaults = [self.visit(d) for d in a.defaults], [d and self.visit(d) for d in a.kw_defaults]
        parameters = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        for p in parameters:
            p.annotation = p.annotation and self.visit(p.annotation)
        self.enter([p.arg for p in parameters], node)
        for p in parameters:
            p.arg = self.name(p.arg)
        node.body = [self.visit(s) for s in node.body] if isinstance(node.body, list) else self.visit(node.body)
        self.scopes.pop()
        return node

    def comprehension_scope(self, node):
        first = node.generators[0]
        first.iter = self.visit(first.iter)  # which belongs to what is around
        self.enter([], node)
        for g in node.generators:
            g.target = self.visit(g.target)
            g.iter = g.iter if g is first else self.visit(g.iter)
            g.ifs = [self.visit(i) for i in g.ifs]
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                setattr(node, field, self.visit(getattr(node, field)))
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension_scope

    def enter(self, parameters, node):
        names, kept = bindings(node)
        kept = kept | self.keywords
        scope = {}
        for name in [*parameters, *names]:
            if name not in scope:
                scope[name] = name if name in kept else "\0%d.%d" % (len(self.scopes), len(scope))
        for name in kept:
            scope.setdefault(name, name)
        self.scopes.append(scope)

    def name(self, name):
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), name)

    def visit_Name(self, node):
        node.id = self.name(node.id)
        return node

    def describe(self, node):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            first.value.value = ""


def bindings(scope):
    """The variables that a function or comprehension assigns to, in order, and the names that
    it binds otherwise, by a definition or an import say."""
    names, kept = [], set()
    body = [g.target for g in scope.generators] if hasattr(scope, "generators") else scope.body if isinstance(scope.body, list) else []
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.append(node.id)
        elif isinstance(node, ast.alias):
            kept.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            kept.add(node.name)
        elif isinstance(node, ast.ClassDef):
            raise Named
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            kept.add(node.name)
        if not isinstance(node, SCOPES):
            todo += reversed(list(ast.iter_child_nodes(node)))
    return names, kept
