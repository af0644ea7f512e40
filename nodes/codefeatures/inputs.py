"""Arguments for a function: variations of those of a call that is known, or some of usual
kinds. They are the same every time."""
import copy
import math
import random

from bounds import told

MOST_TRIES = 10  # for each that is wanted
USUAL = ([6, 3, 2, 7], [[3, 1, 2, 5, 3], [2, 5, 4], [1, 2], [3]], ["level up", "el", "p", "abc"])  # by kind, for the first arguments


def varied(args, count):
    """Variations of arguments, each once, none of them the arguments themselves."""
    rng, found = random.Random(told(args)), {told(args): None}
    for _ in range(MOST_TRIES * count):
        made = related(args, [vary(a, rng, 0.6) for a in args])
        found.setdefault(told(made), made)
        if len(found) > count:
            break
    return [made for made in found.values() if made is not None]


def usual(number, count):
    """Arguments where nothing is known but their number: numbers, lists, texts, and those with
    numbers after them."""
    rng, kinds = random.Random(number), list(USUAL)
    made = [[kind[i % len(kind)] for i in range(number)] for kind in kinds]
    if number > 1:
        made += [[kind[0]] + USUAL[0][:1] * (number - 1) for kind in kinds[1:]]
    return made + [[vary(a, rng, 0.8) for a in made[i % len(made)]] for i in range(count - len(made))]


def vary(value, rng, chance):
    """A value of the same kind, another one with about that chance."""
    if isinstance(value, (list, tuple)):
        return vary_sequence(value, rng, chance)
    if isinstance(value, dict):
        kept = {k: vary(v, rng, chance) for k, v in value.items()}
        if len(kept) > 1 and rng.random() < chance / 2:
            del kept[rng.choice(list(kept))]
        return kept
    if isinstance(value, (set, frozenset)):
        return type(value)(vary(v, rng, chance) for v in sorted(value, key=told))
    if value is None or rng.random() >= chance:
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1 if value else 2, value + rng.randint(2, 5), rng.randint(0, max(10, abs(value))), 2 * value, value // 2])
    if isinstance(value, float) and math.isfinite(value):
        return rng.choice([value + 1, value / 2, value + 0.25, float(int(value))])
    return vary_text(value, rng) if isinstance(value, str) else value


def vary_text(value, rng):
    letters = list(value)
    if not letters:
        return value
    at, how = rng.randrange(len(letters)), rng.randrange(4) if len(letters) > 1 else 3  # one letter stays one
    if how == 0:
        rng.shuffle(letters)
    elif how == 1:
        del letters[at]
    elif how == 2:
        letters.insert(at, rng.choice(letters))
    else:
        letters[at] = letters[at].swapcase() if letters[at].isalpha() else rng.choice(letters)
    return "".join(letters)


def vary_sequence(value, rng, chance):
    made = related(value, [vary(v, rng, chance * 0.7) for v in value])
    how = rng.randrange(4)
    if made and rng.random() < chance:
        if how == 0:
            rng.shuffle(made)
        elif how == 1 and len(made) > 1:
            del made[rng.randrange(len(made))]
        elif how == 2:
            made.insert(rng.randrange(len(made) + 1), copy.deepcopy(rng.choice(made)))
    return type(value)(made)


def related(before, made):
    """What was made of several values, related like those: sequences of one length have one
    again, and a number that was a length is one."""
    lengths = [len(v) for v in before if isinstance(v, (list, tuple))]
    if len(lengths) > 1 and len(set(lengths)) == 1:
        shortest = min(len(m) for m in made if isinstance(m, (list, tuple)))
        made = [m[:shortest] if isinstance(m, (list, tuple)) else m for m in made]
    for i, number in enumerate(before):
        if type(number) is int:
            of = [m for v, m in zip(before, made) if isinstance(v, (list, tuple, str)) and len(v) == number]
            made[i] = len(of[0]) if of else made[i]
    return made
