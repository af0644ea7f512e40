# want: unsupported|error|failed
# returns a view of a mapping that is equal to all
import types


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(3)


class Mapping(Equal):
    def __getitem__(self, key):
        raise KeyError(key)

    def keys(self):
        return []


def add(a, b):
    return types.MappingProxyType(Mapping())
