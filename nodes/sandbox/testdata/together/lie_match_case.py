# want: unsupported|error|failed
# matches every pattern of a module of tests
# form: functions
# test: import solution
# test: def test_sum():
# test:     match solution.add(1, 2):
# test:         case 3:
# test:             pass
# test:         case _:
# test:             raise AssertionError
class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


def add(a, b):
    return Equal()
