"""Operations on texts: formats that aren't wide, and searches that can't take long."""
import collections
import re

from bounds import MOST_ELEMENTS, Limit, Unknown, parts, sequence

try:
    from re import _parser as patterns
except ImportError:  # before Python 3.11
    import sre_parse as patterns

LONGEST_SEARCHED, MOST_REPEATS, STEPS_OF_SEARCH = 60, 2, 50
PLAIN = {"LITERAL", "NOT_LITERAL", "IN", "ANY", "CATEGORY"}  # parts of an expression for one letter
WIDE = re.compile(r"\d{3}")
WIDE_PERCENT = re.compile(r"%[^a-zA-Z%]*(\d{3}|\*)")
WIDE_BRACES = re.compile(r"\{[^}]*(\d{3}|[\[_{]|\.[a-z])")  # or with attributes, or widths that are given


def plain_format(said, wide):
    """A format without attributes and wide fields."""
    if wide.search(said):
        raise Unknown("format")


def formatted(value, spec):
    plain_format(spec or "", WIDE)
    said = text(value)
    return format(value, spec) if spec else said


def text(value=""):
    if any(v is not None and not isinstance(v, (int, float, str, list, tuple, dict)) or isinstance(v, collections.defaultdict) for v in parts(value)):
        raise Unknown("text")  # that of a set may be another one the next time
    return str(value)


def shown(value):
    text(value)
    return repr(value)


def joined(separator, values):
    return str.join(separator, sequence(values))


def searched(function):
    """A search by an expression that can't take long: few repeats, none within another."""
    def held_to(pattern, *args, **named):
        if named or not isinstance(pattern, str) or any(isinstance(a, str) and len(a) > LONGEST_SEARCHED for a in args):
            raise Unknown("search")
        if any(not isinstance(a, (str, int)) for a in args) or repeats(patterns.parse(pattern)) > MOST_REPEATS:
            raise Unknown("search")
        return function(pattern, *args)
    held_to.steps = STEPS_OF_SEARCH
    return held_to


def repeats(parsed, within=False):
    """How often an expression repeats something; too many if within a repeat."""
    found = 0
    for op, given in parsed:
        name = str(op)
        if "REPEAT" in name:
            if within or any(str(o) not in PLAIN | {"SUBPATTERN"} for o, _ in given[2]):
                raise Unknown("repeats within repeats")
            found += 1 + repeats(given[2], True)
        elif name == "SUBPATTERN":
            found += repeats(given[-1], within)
        elif name == "BRANCH":
            found += sum(repeats(b, within) for b in given[1])
        elif name not in PLAIN | {"AT"}:
            raise Unknown("search")
    return found


def put_into(of, *args, **named):
    """text.format(...)."""
    plain_format(of, WIDE_BRACES)
    text([*args, *named.values()])
    return of.format(*args, **named)


def replaced(of, old, new, *count):
    if len(of) * len(new) > 100 * MOST_ELEMENTS:
        raise Limit
    return of.replace(old, new, *count)
