"""Reads code without running it: takes a JSON list of {"code", "prompt", "entry", "tests"}
and writes one of features for each, as Go's type answer describes them."""
import ast
import builtins
import functools
import hashlib
import io
import keyword
import math
import re
import sys
import tokenize
import warnings
from collections import Counter

from bounds import Unknown
from inputs import usual, varied
from outcomes import outcomes
from terms import NoValue
from values import read

BUILTINS = frozenset(dir(builtins))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = DEFINITIONS + (ast.Lambda, ast.ClassDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
TRIES = (ast.Try,) + ((ast.TryStar,) if hasattr(ast, "TryStar") else ())
BLOCKS = LOOPS + (ast.If, ast.With, ast.AsyncWith) + TRIES
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
OPERATORS = (ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
IGNORED = {tokenize.ENCODING, tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT}
LEXEME = re.compile(r"[A-Za-z_]\w*|\d+|[^\w\s]")
MOST_TOKENS = 600
MOST_PARTS = 600
MOST_INPUTS = 8
STOPWORDS = frozenset("write a function python to the of an in given and for from with is that find check whether "
                      "using list or by".split())
COMMON_NAMES = frozenset("""re math collections itertools functools heapq bisect string random datetime sys os operator copy
    cmath decimal fractions statistics json time np numpy pd pandas Counter defaultdict deque OrderedDict reduce sqrt
    gcd ceil floor pi chain combinations permutations product groupby accumulate lru_cache namedtuple heappush heappop
    nlargest nsmallest List Dict Tuple Optional Union Any Set""".split())

# The kind of value that a call of a function or of a method gives, where its name tells.
FUNCTION_KINDS = {name: kind for kind, names in {
    "int": "len ord int", "num": "sum abs round pow", "float": "float", "str": "str chr hex bin repr",
    "list": "sorted list", "tuple": "tuple divmod", "set": "set frozenset",
    "dict": "dict Counter defaultdict OrderedDict", "bool": "bool any all isinstance",
    "iter": "map filter zip range reversed enumerate", "type": "type", "complex": "complex",
}.items() for name in names.split()}
METHOD_KINDS = {name: kind for kind, names in {
    "str": "join lower upper replace strip lstrip rstrip format title capitalize swapcase zfill sub",
    "list": "split findall splitlines most_common nlargest nsmallest",
    "iter": "keys values items combinations permutations", "int": "count index find floor ceil gcd factorial",
    "bool": "startswith endswith isdigit isalpha isupper islower issubset",
    "float": "sqrt sin cos tan radians degrees log total_seconds", "set": "union intersection difference",
    "None": "append extend sort reverse update add remove insert", "match": "search match fullmatch",
}.items() for name in names.split()}
LITERAL_KINDS = {ast.List: "list", ast.ListComp: "list", ast.Tuple: "tuple", ast.Set: "set", ast.SetComp: "set",
                 ast.Dict: "dict", ast.DictComp: "dict", ast.GeneratorExp: "iter", ast.JoinedStr: "str",
                 ast.Compare: "bool", ast.Lambda: "func"}
NUMBERS = frozenset(("int", "float", "bool", "num"))


# ---- kinds of values ----

def kind(node, env, depth=6):
    """The set of kinds that an expression may have; "?" is one that nobody knows."""
    if depth == 0 or node is None:
        return {"?"}
    for cls, name in LITERAL_KINDS.items():
        if isinstance(node, cls):
            return {name}
    if isinstance(node, ast.Constant):
        return {"None" if node.value is None else type(node.value).__name__}
    if isinstance(node, ast.UnaryOp):
        return {"bool"} if isinstance(node.op, ast.Not) else kind(node.operand, env, depth - 1)
    if isinstance(node, ast.BoolOp):
        return set().union(*(kind(v, env, depth - 1) for v in node.values))
    if isinstance(node, ast.IfExp):
        return kind(node.body, env, depth - 1) | kind(node.orelse, env, depth - 1)
    if isinstance(node, ast.Name):
        return env.get(node.id, {"?"})
    if isinstance(node, ast.Subscript):
        of = kind(node.value, env, depth - 1)
        return of if isinstance(node.slice, ast.Slice) else {"str"} if of == {"str"} else {"?"}
    if isinstance(node, ast.BinOp):
        return operation_kind(node, env, depth)
    if isinstance(node, ast.Call):
        return call_kind(node)
    return {"?"}


def call_kind(node):
    if isinstance(node.func, ast.Name):
        return {FUNCTION_KINDS.get(node.func.id, "?")}
    if isinstance(node.func, ast.Attribute):
        return {METHOD_KINDS.get(node.func.attr, "?")}
    return {"?"}


def operation_kind(node, env, depth):
    left, right = kind(node.left, env, depth - 1), kind(node.right, env, depth - 1)
    if isinstance(node.op, ast.Div):
        return {"float"}
    if isinstance(node.op, ast.Mod) and left == {"str"}:
        return {"str"}
    if isinstance(node.op, (ast.Mult, ast.Add)):
        for name in ("str", "list", "tuple"):
            if left == {name} or right == {name}:
                return {name}
    for name in ("set", "float"):
        if left == {name} or right == {name}:
            return {name}
    if left == right == {"int"}:
        return {"int"}
    if not isinstance(node.op, ast.Add) or left & NUMBERS or right & NUMBERS:
        return {"num"}
    return {"?"}


def kind_match(kinds, expected):
    """2 if every kind fits, 1 if one may, -1 or -2 if some or all don't, 0 if nobody knows."""
    if not kinds or not expected:
        return 0
    fits = [None if k == "?" else k == expected or (k in NUMBERS and expected in NUMBERS) for k in kinds]
    if all(fits):
        return 2
    if any(fits):
        return 1
    bad = [f is False for f in fits]
    return -2 if all(bad) else -1 if any(bad) else 0


# ---- what is asked for ----

class Task:
    """What the prompt and the tests that are shown tell of the function that is wanted."""

    def __init__(self, prompt, entry, tests):
        self.name, self.nargs, self.argkinds, self.args = entry or None, None, [], None
        self.expected = self.expected_element = None
        self.strings, self.numbers = [], set()
        self.words = {w for w in re.findall(r"[a-z]+", prompt.lower())[:200] if w not in STOPWORDS}
        self.names = set(re.findall(r"[a-z_]\w*", prompt.lower()))
        for test in tests:
            self.read_assert(test)
        if not tests:
            self.read_signature(prompt)
        self.inputs = made_inputs(self.args, self.nargs or 0)

    def read_assert(self, test):
        try:
            test = ast.parse(test.strip()).body[0].test
        except (SyntaxError, ValueError, IndexError, AttributeError, RecursionError, MemoryError):
            found = re.search(r"assert\s+\(?\s*(\w+)\s*\(", test)
            self.name = self.name or (found and found[1])
            return
        left, expected = test, None
        if isinstance(test, ast.Compare):
            left, expected = test.left, test.comparators[0]
        calls = [n for n in ast.walk(left) if is_call_of_name(n) and n.func.id not in BUILTINS]
        call = next((n for n in calls if n.func.id == self.name), calls[0] if calls else None)
        if call is None:
            return
        self.read_call(call, expected, call is left)

    def read_call(self, call, expected, direct):
        self.name = call.func.id
        if self.nargs is None:
            self.nargs = len(call.args) + len(call.keywords)
            self.argkinds = [kind(a, {}) for a in call.args]
            self.args = literals(call)
        self.numbers |= {n.value for a in call.args for n in ast.walk(a) if is_number(n)}
        if expected is None:
            return
        kinds = kind(expected, {})
        if direct and "?" not in kinds and self.expected is None:
            self.expected = sorted(kinds)[0]
            if isinstance(expected, (ast.List, ast.Tuple)) and expected.elts:
                self.expected_element = sorted(kind(expected.elts[0], {}))[0]
        self.strings += [n.value for n in ast.walk(expected) if isinstance(n, ast.Constant) and isinstance(n.value, str)]

    def read_signature(self, prompt):
        found = None
        for found in re.finditer(r"^[ \t]*def\s+(\w+)\s*\((.*?)\)\s*(?:->\s*([^:\n]+))?:", prompt, re.M | re.S):
            pass
        if found is None:
            return
        self.name = found[1]
        arguments, brackets = found[2], 1
        while brackets:  # from the inside, as deep as they go
            arguments, brackets = re.subn(r"\[[^\[\]]*\]", "", arguments)
        self.nargs = len([a for a in arguments.split(",") if a.strip()])
        result = (found[3] or "").strip().lower()
        self.expected = next((k for k in ("list", "tuple", "dict", "str", "bool", "int", "float") if result.startswith(k)), None)
        self.read_example(prompt)

    def read_example(self, prompt):
        name = re.escape(self.name)
        found = re.search(r">>>\s*(" + name + r"\(.*\))\s*\n\s*(\S.*)", prompt) or re.search(
            r"(" + name + r"\(.*?\))\s*(?:==|=|->|=>|➞|should return|returns)\s*(\S.*)", prompt)
        if not found:
            return
        annotated = self.expected
        try:
            call, value = ast.parse(found[1].strip()).body[0].value, ast.parse(found[2].strip()).body[0].value
        except (SyntaxError, ValueError, IndexError, AttributeError, RecursionError, MemoryError):
            return
        if is_call_of_name(call):
            nargs, self.nargs, self.expected = self.nargs, None, None
            self.read_call(call, value, True)
            self.nargs, self.expected = nargs, annotated or self.expected


def made_inputs(args, number):
    """Arguments at which programs are compared: like those of a call, if it is known."""
    try:
        return varied(args, MOST_INPUTS) if args else usual(number, MOST_INPUTS)
    except (Unknown, ArithmeticError, ValueError, RecursionError, MemoryError):
        return []


def literals(call):
    """The arguments of a call, None if some aren't said as they are."""
    try:
        return None if call.keywords else [ast.literal_eval(a) for a in call.args]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def is_call_of_name(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def is_number(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


# ---- tokens ----

def tokens_of(code):
    """Python's own tokens without layout and comments, or what a regular expression finds
    where its lexer gives up."""
    try:
        found = [t.string for t in tokenize.generate_tokens(io.StringIO(code).readline)
                 if t.type not in IGNORED]
    except (tokenize.TokenError, SyntaxError, ValueError):
        found = LEXEME.findall(code)
    return found[:MOST_TOKENS]


def abstract(token, name):
    """The token without what a program is free to choose."""
    if token == name:
        return "SELF"
    if keyword.iskeyword(token) or token in BUILTINS:
        return token
    if token.isidentifier():
        return "ID"
    if token[:1].isdigit():
        return token if len(token) == 1 else "NUM"
    if token[-1:] in "'\"":
        return "STR"
    return token


def text_facts(code, tokens, task):
    words = set(re.findall(r"[a-z]+", code.lower()))
    lines = code.strip().split("\n")
    return {
        "log_tokens": math.log1p(len(tokens)),
        "log_chars": math.log1p(len(code)),
        "log_lines": math.log1p(len(lines)),
        "longest_line": max(map(len, lines)) / 100,
        "comments": sum("#" in line for line in lines) / len(lines),
        "non_ascii": not code.isascii(),
        "prompt_words": len(task.words & words) / len(task.words) if task.words else 0,
    }


# ---- the tree ----

class Program:
    """A parsed program, walked once."""

    def __init__(self, tree, task):
        self.tree, self.task = tree, task
        self.nodes, self.edges = [], Counter()
        self.depth = 0
        self.walk()
        self.functions = self.all(DEFINITIONS)
        self.function = self.pick_function()
        self.own = [] if self.function is None else list(own_nodes(self.function))
        self.returns, self.elements = self.return_kinds() if self.function is not None else (set(), set())

    def walk(self):
        stack = [(self.tree, 0)]
        while stack:
            node, depth = stack.pop()
            self.nodes.append(node)
            self.depth = max(self.depth, depth)
            parent = "R" if node is self.tree else type(node).__name__
            for child in ast.iter_child_nodes(node):
                self.edges[parent + ">" + type(child).__name__] += 1
                ladder = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]  # an elif
                stack.append((child, depth + (isinstance(child, BLOCKS) and not ladder)))

    def all(self, *classes):
        return [n for n in self.nodes if isinstance(n, classes)]

    def pick_function(self):
        top = [n for n in self.tree.body if isinstance(n, DEFINITIONS)]
        named = [n for n in top if n.name == self.task.name]
        return (named[-1:] or top[:1] or self.functions[:1] or [None])[0]

    def return_kinds(self):
        """The kinds that the function returns, and those of the elements of a list."""
        env = self.environment()
        kinds, elements = set(), set()
        for node in self.own:
            if isinstance(node, ast.Return):
                kinds |= {"None"} if node.value is None else kind(node.value, env)
                elements |= element_kinds(node.value, env)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append" and node.args:
                elements |= kind(node.args[0], env)
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in self.own):
            kinds = {"iter"}
        if falls(self.function.body):
            kinds.add("None")
        return kinds, elements

    def environment(self):
        env = {a.arg: k for a, k in zip(positional(self.function), self.task.argkinds)}
        for _ in range(2):
            seen = {}
            for node in self.own:
                for name, kinds in bindings(node, env):
                    seen.setdefault(name, set()).update(kinds)
            env = {**env, **seen}
        return env


def bindings(node, env):
    """The names that a statement binds, with the kinds of their values."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, kind(node.value, env)
            else:
                yield from ((n.id, {"?"}) for n in ast.walk(target) if isinstance(n, ast.Name))
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Div):
        yield node.target.id, {"float"}
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from ((n.id, {"?"}) for n in ast.walk(node.target) if isinstance(n, ast.Name))


def element_kinds(value, env):
    if isinstance(value, ast.ListComp):
        return kind(value.elt, env)
    if isinstance(value, (ast.List, ast.Tuple)) and value.elts:
        return kind(value.elts[0], env)
    return set()


def own_nodes(function):
    """The nodes of a function's body without those of functions and classes within."""
    stack = list(reversed(function.body))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, SCOPES):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def positional(function):
    return function.args.posonlyargs + function.args.args


def falls(body):
    """Whether control may reach the end of a body."""
    if not body:
        return True
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return False
    if isinstance(last, ast.If):
        return falls(last.body) or falls(last.orelse)
    if isinstance(last, ast.While):
        return not (isinstance(last.test, ast.Constant) and last.test.value) or breaks(last.body)
    if isinstance(last, TRIES):
        if last.finalbody and not falls(last.finalbody):
            return False
        return falls(last.body) and falls(last.orelse) or any(falls(h.body) for h in last.handlers)
    if hasattr(ast, "Match") and isinstance(last, ast.Match):
        wild = last.cases and last.cases[-1].guard is None and isinstance(last.cases[-1].pattern, ast.MatchAs) and last.cases[-1].pattern.pattern is None
        return not wild or any(falls(c.body) for c in last.cases)
    if isinstance(last, (ast.With, ast.AsyncWith)):
        return falls(last.body)
    return True


def breaks(body):
    """Whether a loop with this body may be left by a break of its own."""
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Break):
            return True
        if not isinstance(node, LOOPS + SCOPES):
            stack.extend(ast.iter_child_nodes(node))
    return False


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def names_of(program):
    """The names that a program binds, and those that it reads."""
    bound, read = set(), set()
    for n in program.nodes:
        if isinstance(n, ast.Name):
            (read if isinstance(n.ctx, ast.Load) else bound).add(n.id)
        elif isinstance(n, ast.arg):
            bound.add(n.arg)
        elif isinstance(n, DEFINITIONS + (ast.ClassDef,)):
            bound.add(n.name)
        elif isinstance(n, (ast.Import, ast.ImportFrom)):
            bound.update((a.asname or a.name).split(".")[0] for a in n.names)
        elif type(n).__name__ in ("ExceptHandler", "MatchAs", "MatchStar", "TypeVar", "ParamSpec", "TypeVarTuple") and n.name:
            bound.add(n.name)
        elif type(n).__name__ == "MatchMapping" and n.rest:
            bound.add(n.rest)
    return bound, read


def called_name(node):
    if isinstance(node.func, ast.Name):
        return node.func.id
    return "." + node.func.attr if isinstance(node.func, ast.Attribute) else "?"


def program_facts(p):
    calls = p.all(ast.Call)
    called = {called_name(c) for c in calls}
    bound, read = names_of(p)
    undefined = set() if "*" in bound else read - bound - BUILTINS
    numbers = [n.value for n in p.nodes if is_number(n)]
    compares = p.all(ast.Compare)
    return {
        "functions": min(4, len(p.functions)),
        "depth": p.depth,
        "loops": min(5, len(p.all(*LOOPS))),
        "ifs": min(8, len(p.all(ast.If))),
        "returns": min(6, len(p.all(ast.Return))),
        "calls": math.log1p(len(calls)),
        "comprehensions": min(4, len(p.all(*COMPREHENSIONS))),
        "imports": bool(p.all(ast.Import, ast.ImportFrom)),
        "tries": bool(p.all(*TRIES)),
        "class": bool(p.all(ast.ClassDef)),
        "assert": bool(p.all(ast.Assert)),
        "trailing": any(not isinstance(n, DEFINITIONS + (ast.ClassDef, ast.Import, ast.ImportFrom)) for n in p.tree.body),
        "print": "print" in called,
        "input": "input" in called,
        "shadows_builtin": bool(bound & BUILTINS),
        "undefined": min(3, len(undefined)),
        "undefined_common": bool(undefined & COMMON_NAMES),
        "constants": math.log1p(len(set(numbers))),
        "constant_compares": min(6, sum(any(isinstance(c, ast.Constant) for c in n.comparators) for n in compares)),
        "while_true": any(isinstance(n, ast.While) and isinstance(n.test, ast.Constant) for n in p.own),
        "chained_compare": any(len(n.ops) > 1 for n in compares),
    }


def function_facts(p):
    f, task = p.function, p.task
    used = {n.id for n in ast.walk(f) if isinstance(n, ast.Name)}
    arguments = [a.arg for a in positional(f) + f.args.kwonlyargs]
    values = [n for n in p.own if isinstance(n, ast.Return) and n.value is not None]
    yields = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in p.own)
    falling = falls(f.body)
    documented = bool(f.body) and is_text(f.body[0])
    rest = f.body[1:] if documented else f.body
    return {
        "unused_arguments": min(3, sum(a not in used and a not in task.names for a in arguments)),
        "recursive": any(is_call_of_name(n) and n.func.id == f.name for n in ast.walk(f)),
        "docstring": documented,
        "empty": all(isinstance(n, ast.Pass) for n in rest),
        "no_return": not values and not yields,
        "returns_sometimes": falling and bool(values),
        "ends_without_return": not isinstance(f.body[-1], ast.Return),
        "unreachable": any(isinstance(n, ENDS) for body in bodies(f, p.own) for n in body[:-1]),
        "returns_mutation": any(isinstance(n.value, ast.Call) and isinstance(n.value.func, ast.Attribute)
                                and METHOD_KINDS.get(n.value.func.attr) == "None" for n in values),
        "equal_branches": any(isinstance(n, ast.If) and equal(n.body, n.orelse) for n in p.own),
    }


def equal(body, other):
    """Whether two bodies are the same; most differ at a glance, which matters in long ladders."""
    return list(map(type, body)) == list(map(type, other)) and not isinstance(body[0], ast.If) \
        and list(map(ast.dump, body)) == list(map(ast.dump, other))


def bodies(function, nodes):
    yield function.body
    for n in nodes:
        if isinstance(n, SCOPES):
            continue
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(n, field, None), list):
                yield getattr(n, field)


def task_facts(p):
    f, task = p.function, p.task
    args = f.args
    most = len(positional(f)) + len(args.kwonlyargs)
    fewest = len(positional(f)) - len(args.defaults) + sum(d is None for d in args.kw_defaults)
    facts = {"has_name": any(isinstance(n, DEFINITIONS) and n.name == task.name for n in p.tree.body)}
    if task.nargs is not None:
        fits = fewest <= task.nargs and (task.nargs <= most or bool(args.vararg or args.kwarg))
        facts["arity"], facts["arity_wrong"] = fits, not fits
    arguments = {a.arg.lower() for a in positional(f)}
    facts["argument_words"] = min(1, len(arguments & task.names) / len(arguments)) if arguments else 0
    numbers = {n.value for n in p.nodes if is_number(n)} - {0, 1, 2, -1, 10}
    facts["test_numbers"] = min(3, len(numbers & task.numbers))
    wanted = [s for s in task.strings if len(s) > 1]
    if wanted:
        text = " ".join(n.value for n in p.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
        share = sum(s in text for s in wanted) / len(wanted)
        facts["test_strings"], facts["any_test_string"] = share - 0.5, share > 0
    match = kind_match(p.returns, task.expected)
    facts["kind_match"], facts["kind_wrong"], facts["kind_unknown"] = match, match == -2, "?" in p.returns
    if task.expected_element in ("tuple", "list", "str", "int"):
        facts["element_match"] = kind_match(p.elements, task.expected_element)
    return facts


# ---- keys: what makes two programs alike ----

class Normal(ast.NodeTransformer):
    """Renames what a program binds as variables, in the order of their first appearance, and
    drops annotations and docstrings. Functions, what is imported and what nobody binds keep
    their names: they say what is called."""

    def __init__(self, tree):
        self.names = {}
        self.bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        self.bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        self.bound |= {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)}

    def rename(self, name):
        return self.names.setdefault(name, "v%d" % len(self.names))

    def visit_Name(self, node):
        if node.id in self.bound:
            node.id = self.rename(node.id)
        return node

    def visit_arg(self, node):
        node.arg, node.annotation = self.rename(node.arg), None
        return node

    def visit_ExceptHandler(self, node):
        node.name = node.name and self.rename(node.name)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node):
        if node.value is not None:
            node = ast.Assign(targets=[node.target], value=node.value)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node):
        node.returns = None
        if len(node.body) > 1 and is_text(node.body[0]):
            node.body = node.body[1:]
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef


def digest(*parts):
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def short_constants(p):
    """The constants that are no more than a number or a word."""
    for n in p.nodes:
        if isinstance(n, ast.Constant) and (not isinstance(n.value, int) or n.value.bit_length() < 100) and len(repr(n.value)) <= 20:
            yield repr(n.value)


def operation_key(p):
    parts = [type(n).__name__ for n in p.nodes if isinstance(n, OPERATORS)]
    parts += [called_name(n) for n in p.nodes if isinstance(n, ast.Call)]
    return digest(*sorted(parts + list(short_constants(p))))


def call_key(p):
    called = {called_name(n) for n in p.nodes if isinstance(n, ast.Call)}
    return digest(*sorted(c for c in called if c[0] == "." or c in BUILTINS))


def constant_key(p):
    return digest(*sorted(short_constants(p)))


def control_key(p):
    """What branches, loops and returns, in order."""
    return digest(*(type(n).__name__ for n in p.own if isinstance(n, BLOCKS + ENDS + COMPREHENSIONS + (ast.IfExp, ast.Lambda))))


def result_key(tree):
    """The expressions that are returned, of a tree whose variables are renamed."""
    return digest(*(ast.dump(n.value) for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value is not None))


def value_keys(p):
    """The key of what the function that is asked for returns, those of its parts, and what it
    comes to at some arguments."""
    if p.function is None:
        return {}
    try:
        program, value = read(p.tree, p.function)
        named = str(p.function.name == p.task.name)
        parts = sorted(t.key for t in value.parts())
        came = outcomes(program, value, p.task.inputs)
    except (NoValue, ValueError, RecursionError, MemoryError):
        return {}
    out = {"value": digest(value.key, named), "terms": parts[:MOST_PARTS]}
    if came is not None:
        out["outcomes"] = [c if c in ("", "None") else digest(c)[:8] for c in came]
    return out


def keys(p):
    out = {
        **value_keys(p),
        "operations": operation_key(p),
        "constants": constant_key(p),
        "control": control_key(p),
        "skeleton": digest(*sorted("%s %d" % e for e in p.edges.items())),
        "calls": call_key(p),
        "kinds": " ".join(sorted(p.returns)),
        "edges": sorted(p.edges),
    }
    normal = Normal(p.tree).visit(p.tree)  # the last: it changes the tree
    out["ast"], out["results"] = digest(ast.dump(normal)), result_key(normal)
    return out


def read_program(p, facts, out):
    facts.update(program_facts(p))
    if p.function is not None:
        facts.update(function_facts(p))
        facts.update(task_facts(p))
    out.update(keys(p))


task_of = functools.lru_cache(maxsize=16)(Task)


def features(question):
    code = question["code"]
    task = task_of(question["prompt"], question["entry"], tuple(question["tests"]))
    tokens = tokens_of(code)
    facts = text_facts(code, tokens, task)
    out = {"tokens": tokens, "shapes": [abstract(t, task.name) for t in tokens]}
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is not None:
        facts["parses"] = 1
        try:
            read_program(Program(tree, task), facts, out)
        except (ValueError, RecursionError, MemoryError):
            out["ast"] = digest(code)  # deeper or longer than can be looked at: like nothing else
    out["facts"] = {name: round(float(value), 6) for name, value in facts.items() if value}
    return out


warnings.simplefilter("ignore")
sys.setrecursionlimit(10000)
each(features)
