# want: error
# Raises what ends generators.
def add(a, b):
    raise GeneratorExit
