import copy


def _reference_solution(source):
    space = {"__name__": "reference"}
    exec(source, space)
    return space


def _is_floats(value):
    if isinstance(value, (list, tuple)):
        return all(isinstance(v, float) for v in value)
    return isinstance(value, float)


def _close(got, want, tolerance):
    if isinstance(want, (list, tuple)):
        return len(got) == len(want) and all(_close(g, w, tolerance) for g, w in zip(got, want))
    return got == want or abs(got - want) <= tolerance + 1e-07 * abs(want)


def _check_inputs(candidate, space, name, inputs, tolerance):
    for args in inputs:
        got = candidate(*copy.deepcopy(args))
        if name == "find_zero":  # any zero of the polynomial will do
            assert abs(space["poly"](*copy.deepcopy(args), got)) <= tolerance
            continue
        want = space[name](*copy.deepcopy(args))
        if got == want:
            continue
        allowed = tolerance or (1e-06 if _is_floats(want) else 0)
        assert allowed, "another result than the reference's"
        assert type(got) is type(want)
        assert _close(got, want, allowed)


_check_inputs(ENTRY_POINT, _reference_solution(SOURCE), NAME, INPUTS, TOLERANCE)
