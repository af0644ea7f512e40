"""The tests of a problem: compiled, and what they say about how they can be run.

Nothing in here depends on a candidate, so that a candidate has no say in it.
"""

import ast
import builtins
import importlib.util
import json
import re
import sys

import candidate
import server
import suspicion
import values

NO_CODE = {"program", "tool"}  # forms whose tests are no Python


class Tests:
    """The tests of a problem. why says what keeps them from being held apart."""

    def __init__(self, form, setup, tests):
        self.form, self.tests, self.setup = form, tests, setup
        trees = [Tree(t, "<test>") for t in tests] if form not in NO_CODE else []
        whole = trees + ([Tree(setup, "<setup>")] if setup else [])
        self.missing = ", ".join(name for t in whole for name in missing(t))
        self.why = next(filter(None, map(reason, whole)), None)
        self.codes = [compiled(t.tree, "<test>") for t in trees]
        self.setup_code = candidate.compiled(setup, "<setup>", "error") if setup else None
        self.entry = entry_points(trees)
        self.modules = modules(trees)
        self.read = read_names(whole)
        self.stored = {name: source for t in trees for name, source in stored(t.tree)} if form == "asserts" else {}
        self.imports = rare_modules(whole)
        self.mentioned = sorted({name for t in whole for name in imported(t)} - OURSELVES)
        self.caught = sorted({n.id for t in trees for n in caught(t)})
        self.random = any("random" in imported(t) for t in trees)
        self.changing = any(map(changes_more, trees)) or any("patch" in t for t in tests)
        self.hides = form == "asserts" and can_be_function([t.tree for t in trees])
        self.variables = sorted(name for name, source in self.stored.items() if source is None)
        own = {name for t in trees for name in bound(t)}
        self.unbound = sorted(self.modules - own)
        self.mentioned += [name for name in self.unbound if name not in self.mentioned]
        self.mentioned += [module for name, module in LATE.items() if any(name in t for t in tests)]
        self.any = any("ANY" in t for t in tests)
        self.oracles = oracles(setup, self.read) if setup else []


def has_tests(tree):
    """Whether a module has anything that runs as a test, or brings it along by import."""
    names = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    return any(n.startswith(("test", "Test")) for n in names) or any(
        isinstance(n, ast.ClassDef) and is_test_case(n) or isinstance(n, (ast.If, ast.Try, ast.For, ast.With)) for n in tree.body)


def examine(form, setup, tests):
    """What can be seen of tests without a candidate: what keeps them from being run, and the
    names that a candidate is to define."""
    if not tests:
        return {"faults": ["there are no tests"], "names": []}
    if form == "program":
        blank = [i for i, t in enumerate(tests) if not json.loads(t)["output"].strip() and not json.loads(t).get("checker")]
        return {"faults": ["test %d can't fail: it wants no output" % i for i in blank], "names": []}
    faults, trees = [], []
    for where, text in [("setup", setup), *(("test %d" % i, t) for i, t in enumerate(tests))]:
        try:
            tree = Tree(text, "<test>")
            compile(tree.tree, "<test>", "exec", dont_inherit=True)
        except (candidate.Ended, SyntaxError, ValueError) as e:
            error = getattr(e, "error", e)
            faults.append("%s, line %s, doesn't parse: %s" % (where, getattr(error, "lineno", None) or 1, getattr(error, "msg", None) or error))
            continue
        trees.append(tree)
        faults += ["%s imports %s, which isn't there; use an image that has it: ouroflow image build -o FILE.tar %s, and image: oci-tar:FILE.tar"
                   % (where, name, name) for name in missing(tree)]
        if where != "setup" and not tree.tree.body:
            faults.append(where + " is empty: every program passes it")
        elif where != "setup" and form == "functions" and not has_tests(tree.tree):
            faults.append(where + " has no function test_*, no class Test* and no test case")
    if faults:
        return {"faults": faults, "names": []}
    own = {name for t in trees for name, source in stored(t.tree) if not (source or "").startswith(("solution:", "candidate:"))}
    names = [n for n in read_names(trees) if n.isidentifier() and n not in own and n not in OURSELVES and not is_builtin(n)]
    names += [n for n in entry_points(trees) if n not in names]
    return {"faults": [], "names": names}


def missing(tree):
    """The packages that a program imports and that aren't there, but for those whose absence it
    expects."""
    expected = {id(n) for t in tree.of(ast.Try) for n in ast.walk(t)}
    names = {a.name for n in tree.of(ast.Import) if id(n) not in expected for a in n.names}
    names |= {n.module or "" for n in tree.of(ast.ImportFrom) if id(n) not in expected and not n.level}
    return sorted(p for p in {n.partition(".")[0] for n in names} - OURSELVES - {""} if not there(p))


def there(package):
    try:
        return package in sys.builtin_module_names or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return package in sys.modules


def bound(tree):
    """The names that a program gives a meaning to."""
    yield from (n.id for n in tree.of(ast.Name) if not isinstance(n.ctx, ast.Load))
    yield from (n.arg for n in tree.of(ast.arg))
    yield from (n.name for n in tree.of(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    yield from ((a.asname or a.name).partition(".")[0] for a in tree.of(ast.alias))


# Modules that unittest imports when tests use these names.
LATE = {"IsolatedAsyncioTestCase": "unittest.async_case", "Logs": "unittest._log"}


class Tree:
    """The nodes of a program, by their class. What they do to a name, ast.Load say, isn't
    among them."""

    def __init__(self, text, name):
        self.nodes = {}
        self.tree = parsed(text, name)
        todo = [self.tree]
        for node in todo:
            self.nodes.setdefault(type(node), []).append(node)
            for field in node._fields:
                below = getattr(node, field, None)
                if type(below) is list:
                    todo += [n for n in below if isinstance(n, ast.AST)]
                elif isinstance(below, ast.AST) and field != "ctx":
                    todo.append(below)

    def of(self, *kinds):
        return [node for kind in kinds for node in self.nodes.get(kind, ())]


def oracles(setup, read):
    """The functions of a setup that tests use."""
    defined = {n.name for n in parsed(setup, "<setup>").body if isinstance(n, ast.FunctionDef)}
    return sorted(defined.intersection(read))


def parsed(text, name):
    try:
        return ast.parse(text, name)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise candidate.Ended("error", e)


class Types(ast.NodeTransformer):
    """Has type(x) ask what x is, if it is the candidate's."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1:
            node.func.id = TYPE_OF
        return node


TYPE_OF = "__type_of__"


def compiled(tree, name):
    try:
        return compile(Types().visit(tree), name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise candidate.Ended("error", e)


def reason(tree):
    """Says why tests can't be held apart, if so: they look at more than values."""
    for node in tree.of(ast.ClassDef):
        if not is_test_case(node):
            return "tests define a class"
    if any(n.name == "*" for n in tree.of(ast.alias)):
        return "tests import all names of a module"
    for name in imported(tree):
        if name not in values.PUBLIC | TESTING:
            return "tests import " + name
    if tree.of(ast.AsyncFunctionDef, ast.Await):
        return "tests are asynchronous"
    for node in tree.of(ast.Compare):
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and not compares_singleton(node):
            return "tests compare identities"
    for node in tree.of(ast.Name, ast.Attribute):
        name = getattr(node, "id", getattr(node, "attr", ""))
        if name in TELLING:
            return "tests use " + name
    if changes_more(tree):
        return "tests change what isn't their own"
    return None


# Names by which tests look at more than values: the output, the namespace, frames.
TELLING = set("""globals locals vars exec eval open input __import__ breakpoint stdout stderr stdin redirect_stdout
redirect_stderr __class__ __cause__ __context__ __traceback__ __suppress_context__ __notes__ __code__ __globals__
__closure__ __dict__ capsys capfd monkeypatch assertLogs assertNoLogs assertWarns assertWarnsRegex warnings environ
getcontext setcontext localcontext getrefcount addClassCleanup""".split())


def compares_singleton(node):
    """Whether an identity is that of None, a truth value or another constant."""
    sides = [node.left, *node.comparators]
    return any(isinstance(s, ast.Constant) and s.value in (None, True, False, ...) or is_type_of(s) for s in sides)


def is_type_of(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"


def imported(tree):
    """The packages that a program imports from. unittest.mock counts for itself."""
    names = [a.name for node in tree.of(ast.Import) for a in node.names]
    for node in tree.of(ast.ImportFrom):
        names.append(node.module or "")
        if node.module == "unittest":
            names += ["unittest." + a.name for a in node.names]
    return ["unittest.mock" if n.startswith("unittest.mock") else n.partition(".")[0] for n in names]


TESTING = {"unittest", "solution", "candidate"}


def is_test_case(node):
    """Whether a class is one of tests: of unittest, or as pytest finds it."""
    return any(getattr(b, "attr", getattr(b, "id", "")).endswith("TestCase") for b in node.bases) or \
        node.name.startswith("Test") and not node.bases and not node.decorator_list


def caught(tree):
    """The names of the exceptions that tests catch or expect."""
    for handler in tree.of(ast.ExceptHandler):
        if handler.type is not None:
            yield from (n for n in ast.walk(handler.type) if isinstance(n, ast.Name))
    for call in tree.of(ast.Call):
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in EXPECTING and call.args:
            yield from (n for n in ast.walk(call.args[0]) if isinstance(n, ast.Name))


EXPECTING = {"assertRaises", "assertRaisesRegex", "raises", "suppress"}


def entry_points(trees):
    """The builtins that a candidate is to redefine: all tests call them and use no
    other name that isn't their own, so that a problem whose function is called sum
    can be told from one whose tests use the builtin."""
    used, called = set(), []
    for tree in trees:
        names = tree.of(ast.Name)
        used |= {n.id for n in names if isinstance(n.ctx, ast.Load)} - {n.id for n in names if not isinstance(n.ctx, ast.Load)}
        called.append({n.func.id for n in tree.of(ast.Call) if isinstance(n.func, ast.Name)})
    used.discard(TYPE_OF)
    return set.intersection(*called) if called and all(map(is_builtin, used)) else set()


def modules(trees):
    """The modules that the tests use without importing them. A candidate that doesn't
    import them either makes its own, which is none."""
    return values.PUBLIC & {n.value.id for t in trees for n in t.of(ast.Attribute) if isinstance(n.value, ast.Name)}


def read_names(trees):
    """The names that tests look up, so that a candidate need speak of no others."""
    found = set()
    for tree in trees:
        found.update(n.id for n in tree.of(ast.Name) if isinstance(n.ctx, ast.Load))
        found.update(n.attr for n in tree.of(ast.Attribute) if isinstance(n.value, ast.Name) and n.value.id in OURSELVES)
        for node in tree.of(ast.ImportFrom):
            found.update(a.name for a in node.names if node.module in OURSELVES)
    return sorted(found - {TYPE_OF})


OURSELVES = {"solution", "candidate"}  # modules that are the candidate


def rare_modules(trees):
    """The modules that the tests use and that a candidate doesn't have from the start:
    what crosses may be of their types, whatever the candidate does to its imports."""
    found = set()
    for tree in trees:
        found.update(n.id for n in tree.of(ast.Name))
        found.update(n.name for n in tree.of(ast.alias))
        found.update((n.module or "").partition(".")[0] for n in tree.of(ast.ImportFrom))
    return [name for name in server.SELDOM if name in found]


def stored(tree):
    """The names that a module binds at its top level, or that its functions declare global,
    each with what it imports by that name, or None."""
    todo = list(tree.body)
    for node in todo:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, None
            yield from ((name, None) for n in ast.walk(node) if isinstance(n, ast.Global) for name in n.names)
        elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            yield from ((n.target.id, None) for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        elif isinstance(node, ast.Import):
            yield from ((a.asname or a.name.partition(".")[0], a.name if a.asname else a.name.partition(".")[0]) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((a.asname or a.name, "%s:%s" % (node.module, a.name)) for a in node.names)
        else:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id, None
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name, None
            todo += ast.iter_child_nodes(node)


CHANGING = {"setattr", "delattr", "patch", "setrecursionlimit", "Thread"}  # functions
CHANGING_METHODS = CHANGING | {"update", "pop", "popitem", "clear", "append", "extend", "insert", "remove", "add", "discard",
                               "sort", "reverse", "setdefault", "start"}


def changes_more(tree):
    """Whether tests may change more than variables of their own: they assign to what
    others see, such as an attribute of a module, or call what may do that."""
    own = {n.id for n in tree.of(ast.Name) if isinstance(n.ctx, ast.Store)} | {n.arg for n in tree.of(ast.arg)}
    assigned = [n for n in tree.of(ast.Attribute, ast.Subscript) if not isinstance(n.ctx, ast.Load)]
    called = [n.func for n in tree.of(ast.Call) if not of_candidate(n.func) and
              (getattr(n.func, "attr", "") in CHANGING_METHODS or getattr(n.func, "id", "") in CHANGING)]
    return any(suspicion.root(node) not in own for node in assigned + called)


BY_NAME = {"globals", "locals", "vars", "dir", "exec", "eval"}  # which look at where they are called from
OPEN = BY_NAME | {"__name__", "__file__"}


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


# By these a program makes variables of names, or changes those that it has.
MAKING, SETTING = re.compile(r"globals|modules|\bvars\b|\blocals\b"), re.compile(r"__dict__|setattr|\bexec\b")


def may_change(code, shared, stored):
    """The first variable of tests that functions of a program may change: one that it shares
    with them, or any of those that they assign to, if it makes variables of names."""
    if not stored:
        return None
    if MAKING.search(code) or shared and SETTING.search(code):
        return min(shared or stored)
    try:
        nodes = [*ast.walk(ast.parse(code))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return min(shared, default=None)
    imported = {(a.asname or a.name).partition(".")[0] for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    changed = {name for n in nodes if isinstance(n, ast.Global) for name in n.names}
    changed |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)
                and (isinstance(n.value, (ast.Call, ast.Subscript)) or getattr(n.value, "id", None) in imported)}
    return min(changed.intersection(shared), default=None)


def of_candidate(node):
    """Whether a function is one of the candidate's module, whatever its name."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in OURSELVES


def is_builtin(name):
    return hasattr(builtins, name)
