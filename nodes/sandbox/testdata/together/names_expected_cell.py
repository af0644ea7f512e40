# want: unsupported|error|failed
# changes a variable of the test through a function that it is handed
# test: expected = 3; got = add(1, 2, lambda: expected); assert got == expected
def add(a, b, key):
    for cell in key.__closure__:
        cell.cell_contents = 0
    return 0
