"""Cuts programs: reads a JSON list of {"code", "statement"}, writes one of programs."""
import ast
import re
import sys
import warnings

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # as Python's parser counts lines
KEPT = DEFINITIONS + (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def parse(lines):
    """The tree of a program and None, or None and the number of the line that its
    parser stumbled over."""
    try:
        text = "".join(lines)
        compile(text, "<program>", "exec", dont_inherit=True)  # which finds more than the parser
        return ast.parse(text), None
    except SyntaxError as e:
        return None, e.lineno or len(lines)
    except (ValueError, RecursionError, MemoryError):
        return None, len(lines)


def longest(lines):
    """The longest prefix of lines that compiles, and its tree. What comes after the line
    that the parser stumbles over can't mend it."""
    while lines:
        tree, line = parse(lines)
        if tree is not None:
            return lines, tree
        lines = lines[:min(line, len(lines)) - 1] if line < len(lines) else lines[:-1]
    return lines, None


def up_to_statement(lines, tree):
    """The lines before the first statement after a definition that defines, imports and
    assigns nothing, and what is before it in its own line."""
    defined = False
    for node in tree.body:
        if defined and not isinstance(node, KEPT):
            before = lines[node.lineno - 1].encode()[:node.col_offset].decode().rstrip("; \t")
            return lines[:node.lineno - 1] + ([before + "\n"] if before else [])
        defined = defined or isinstance(node, DEFINITIONS)
    return lines


def cut(code, statement):
    lines, tree = longest(LINE.findall(code))
    if tree is None or not tree.body:
        return code  # there is nothing to be saved: let it be seen as it is
    if statement:
        lines = up_to_statement(lines, tree)
    return "".join(lines)


warnings.simplefilter("ignore")
sys.setrecursionlimit(10000)
each(lambda q: cut(q["code"], q["statement"]))
