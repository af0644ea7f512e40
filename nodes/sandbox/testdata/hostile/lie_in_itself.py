# want: failed|error
# A value in itself.
def add(a, b):
    l, d = [], {}
    l.append(d)
    d["l"] = l
    return l
